//! What is outside of a guest and was not granted: files, the network, the environment, other components.

use std::{
    fs, io::Write as _, net::TcpListener, os::unix::fs::symlink, path::PathBuf, sync::LazyLock,
    thread,
};

use tempfile::TempDir;
use weaver_guests::wild::Deed;
use weaver_runtime::sandbox::{DirGrant, Grants};

use super::town::{Town, is_trapped};

/// A folder with a secret beside the one that is granted.
struct Folders {
    all: TempDir,
}

impl Folders {
    fn new() -> Self {
        let all = TempDir::new().unwrap();
        fs::create_dir(all.path().join("granted")).unwrap();
        fs::create_dir(all.path().join("secret")).unwrap();
        fs::write(all.path().join("granted/file"), "granted").unwrap();
        fs::write(all.path().join("secret/file"), "secret").unwrap();
        Self { all }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.all.path().join(path)
    }

    fn text(&self, path: &str) -> String {
        self.at(path).to_str().unwrap().to_owned()
    }

    fn grants(&self, grant: DirGrant) -> Grants {
        Grants { dirs: [(self.at("granted"), grant)].into(), ..Grants::default() }
    }
}

async fn is_denied(town: &Town, deed: Deed) {
    let error = town.asked(deed).await.unwrap_err();
    // By errno: not there, refused, not permitted, no way across folders.
    let denied = [
        "os error 2)",
        "os error 44)",
        "os error 63)",
        "os error 69)",
        "os error 28)",
        "pre-opened",
    ];
    assert!(denied.iter().any(|word| error.contains(word)), "{error}");
}

#[tokio::test]
async fn files_outside_of_the_granted_folders() {
    let folders = Folders::new();
    let town = Town::new(folders.grants(DirGrant::Write)).await;
    let granted = Deed::Read(folders.text("granted/file"));
    assert_eq!(town.asked(granted).await.unwrap(), "granted");
    for path in ["secret/file", "granted/../secret/file", "granted/./../granted/../secret/file"] {
        is_denied(&town, Deed::Read(folders.text(path))).await;
        is_denied(&town, Deed::Write(folders.text(path))).await;
    }
    is_denied(&town, Deed::Read("/etc/passwd".to_owned())).await;
    is_denied(&town, Deed::Read("../../../../etc/passwd".to_owned())).await;
    is_denied(&town, Deed::Read("/proc/self/environ".to_owned())).await;
    assert_eq!(fs::read_to_string(folders.at("secret/file")).unwrap(), "secret");
    town.close().await;
}

#[tokio::test]
async fn symbolic_links_out_of_a_granted_folder() {
    let folders = Folders::new();
    symlink(folders.at("secret/file"), folders.at("granted/absolute")).unwrap();
    symlink("../secret/file", folders.at("granted/relative")).unwrap();
    symlink("../secret", folders.at("granted/folder")).unwrap();
    symlink("absolute", folders.at("granted/twice")).unwrap();
    symlink("file", folders.at("granted/inside")).unwrap();
    let town = Town::new(folders.grants(DirGrant::Write)).await;
    let inside = Deed::Read(folders.text("granted/inside"));
    assert_eq!(town.asked(inside).await.unwrap(), "granted");
    for path in ["absolute", "relative", "folder/file", "twice"] {
        let path = folders.text(&format!("granted/{path}"));
        is_denied(&town, Deed::Read(path.clone())).await;
        is_denied(&town, Deed::Write(path)).await;
    }
    let (to, at) = (folders.text("secret/file"), folders.text("granted/hard"));
    is_denied(&town, Deed::Link(to, at)).await;
    assert_eq!(fs::read_to_string(folders.at("secret/file")).unwrap(), "secret");
    town.close().await;
}

#[tokio::test]
async fn writes_in_a_folder_that_may_be_read() {
    let folders = Folders::new();
    let town = Town::new(folders.grants(DirGrant::Read)).await;
    let file = folders.text("granted/file");
    assert_eq!(town.asked(Deed::Read(file.clone())).await.unwrap(), "granted");
    is_denied(&town, Deed::Write(file.clone())).await;
    is_denied(&town, Deed::Write(folders.text("granted/new"))).await;
    is_denied(&town, Deed::Link(file, folders.text("granted/hard"))).await;
    assert_eq!(fs::read_to_string(folders.at("granted/file")).unwrap(), "granted");
    assert!(!folders.at("granted/new").exists());
    town.close().await;
}

#[tokio::test]
async fn files_without_an_end() {
    let folders = Folders::new();
    let town = Town::new(folders.grants(DirGrant::Read)).await;
    let open = Deed::Open(folders.text("granted/file"), 15_000);
    let error = town.ends(open).await;
    is_trapped(&error, "holds more than 1000 files, sockets and the like");
    town.close().await;
}

/// Says "hello" to whoever connects.
fn greeter() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for connection in listener.incoming() {
            connection.unwrap().write_all(b"hello").unwrap();
        }
    });
    port
}

static GREETER: LazyLock<u16> = LazyLock::new(greeter);

#[tokio::test]
async fn connections_that_are_not_granted() {
    let (granted, other) = (*GREETER, greeter());
    let connect = vec![("127.0.0.1".to_owned(), granted), ("localhost".to_owned(), granted)];
    let town = Town::new(Grants { connect, ..Grants::default() }).await;
    let to = |host: &str, port: u16| Deed::Connect(format!("{host}:{port}"));
    assert_eq!(town.asked(to("127.0.0.1", granted)).await.unwrap(), "hello");
    assert_eq!(town.asked(to("localhost", granted)).await.unwrap(), "hello");
    is_denied(&town, to("127.0.0.1", other)).await;
    is_denied(&town, to("127.0.0.2", granted)).await;
    is_denied(&town, to("0.0.0.0", granted)).await;
    is_denied(&town, to("[::ffff:127.0.0.1]", granted)).await;
    is_denied(&town, Deed::Listen("127.0.0.1:0".to_owned())).await;
    is_denied(&town, Deed::Listen("0.0.0.0:0".to_owned())).await;
    is_denied(&town, Deed::Send(format!("127.0.0.1:{granted}"))).await;
    assert!(town.asked(Deed::Resolve("localhost".to_owned())).await.unwrap().contains("127.0.0.1"));
    for name in ["example.com", "localhost.", "LOCALHOST", "ip6-localhost", ""] {
        town.asked(Deed::Resolve(name.to_owned())).await.unwrap_err();
    }
    town.close().await;
}

#[tokio::test]
async fn the_network_without_a_grant() {
    let town = Town::new(Grants::default()).await;
    is_denied(&town, Deed::Connect(format!("127.0.0.1:{}", *GREETER))).await;
    is_denied(&town, Deed::Listen("0.0.0.0:0".to_owned())).await;
    is_denied(&town, Deed::Send(format!("127.0.0.1:{}", *GREETER))).await;
    town.asked(Deed::Resolve("localhost".to_owned())).await.unwrap_err();
    town.close().await;
}

/// What a deed is refused, once.
async fn is_refused(town: &Town, deed: Deed, what: &str) {
    town.refused();
    town.asked(deed).await.unwrap_err();
    let refused = town.refused();
    assert!(refused.iter().any(|it| it.contains(what)), "{refused:?}, not {what}");
}

#[tokio::test]
async fn a_refusal_names_the_grant_that_is_missing() {
    let folders = Folders::new();
    symlink("../secret/file", folders.at("granted/link")).unwrap();
    let link = folders.text("granted/link");
    let connect = vec![("127.0.0.1".to_owned(), *GREETER)];
    let town = Town::new(Grants { connect, ..folders.grants(DirGrant::Read) }).await;
    let write = Deed::Write(folders.text("granted/new"));
    is_refused(&town, write, "to write the file \"new\", whose folder `dirs` of its").await;
    is_refused(&town, Deed::Read(link), "to read the file \"link\", whose folder `dirs`").await;
    let connect = Deed::Connect("127.0.0.1:1".to_owned());
    is_refused(&town, connect, "a connection to 127.0.0.1:1, which `connect` of its").await;
    let resolve = Deed::Resolve("example.com".to_owned());
    is_refused(&town, resolve, "the address of \"example.com\", which `connect` of its").await;
    let listen = Deed::Listen("127.0.0.1:0".to_owned());
    is_refused(&town, listen, "to bind 127.0.0.1:0 by itself").await;
    let send = Deed::Send("127.0.0.1:1".to_owned());
    is_refused(&town, send, "a socket for datagrams").await;
    // What is granted is no offence, and neither is a file that is not there.
    town.refused();
    town.asked(Deed::Read(folders.text("granted/file"))).await.unwrap();
    town.asked(Deed::Connect(format!("127.0.0.1:{}", *GREETER))).await.unwrap();
    town.asked(Deed::Read(folders.text("granted/nothing"))).await.unwrap_err();
    assert_eq!(town.refused(), Vec::<String>::new());
    town.close().await;
}

#[tokio::test]
async fn a_refusal_without_any_grant() {
    let town = Town::new(Grants::default()).await;
    let connect = Deed::Connect(format!("127.0.0.1:{}", *GREETER));
    is_refused(&town, connect, "a socket: its sandbox has no `connect`").await;
    let read = Deed::Read("/etc/passwd".to_owned());
    is_refused(&town, read, "a folder: its sandbox has no `dirs`").await;
    town.close().await;
}

#[tokio::test]
async fn the_environment() {
    let town = Town::new(Grants::default()).await;
    assert_eq!(town.asked(Deed::Environment).await.unwrap(), "[] []");
    town.close().await;
    let env = vec!["CARGO_PKG_NAME".to_owned(), "NO_SUCH_VARIABLE".to_owned()];
    let town = Town::new(Grants { env, ..Grants::default() }).await;
    let said = town.asked(Deed::Environment).await.unwrap();
    assert_eq!(said, "[(\"CARGO_PKG_NAME\", \"weaver-host\")] []");
    town.close().await;
}
