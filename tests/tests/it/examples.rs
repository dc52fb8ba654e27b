//! The examples, each as one process, as several, and as several whose components and `main` are all in sandboxes:
//! they answer the same.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::Duration,
};

use weaver_tests::errand::TRACE;

use crate::{
    BUILT,
    support::{Deployment, fresh_directory},
};

pub(crate) const EXAMPLES: [&str; 8] =
    ["chat", "collatz", "existing-app", "factors", "hello", "interfaces", "reverser", "thumbnails"];

/// The first sandbox begins with building the host, which takes minutes.
const FIRST_SECONDS_MAX: u64 = 1800;

/// How long an answer may take, in a debug build on a busy machine.
const ANSWER_SECONDS_MAX: u64 = 30;

/// The folder of their executables, which cargo builds once: for the same set of packages as the tests of the
/// command, because for another one it chooses other features of what they depend on.
pub(crate) static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let packages = EXAMPLES.iter().chain(&["weaver-cli-fixtures"]);
    let packages = packages.flat_map(|name| ["--package", *name]);
    let built = weaver_cli::cargo().args(["build", "--locked", "--bins"]).args(packages).status();
    assert!(built.is_ok_and(|status| status.success()), "the examples do not build");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.parent().expect("it is in target").join("debug")
});

/// The folder of the same, and of the bodies, as WebAssembly.
pub(crate) static GUESTS: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = weaver_runtime::sandbox::GUEST_TARGET;
    if !weaver_cli::has_target(Path::new(".")) {
        let added = Command::new("rustup").args(["target", "add", target]).status();
        assert!(added.is_ok_and(|status| status.success()), "rustup target add {target} fails");
    }
    let examples = EXAMPLES.iter().flat_map(|name| ["--package", *name, "--bin", *name]);
    let built = weaver_cli::cargo()
        .args(["build", "--locked", "--target", target])
        .args(examples.chain(["--package", "weaver-tests", "--bin", "bodies"]))
        .envs(weaver_runtime::sandbox::guest_build_variables())
        .status();
    assert!(
        built.is_ok_and(|status| status.success()),
        "the guests do not build; for C code it takes clang and wasi-libc (`weaver doctor`)"
    );
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.parent().expect("it is in target").join(target).join("debug")
});

/// An example, running.
struct Running(Deployment, Way);

/// How it runs.
#[derive(Clone, Copy, Debug)]
enum Way {
    OneProcess,
    Deployed,
    AllInSandboxes,
}

impl Running {
    fn new(example: &str, way: Way) -> Self {
        let directory = fresh_directory();
        let config = directory.path().join("weaver.toml");
        let text = configuration(example, way, directory.path());
        fs::write(&config, text).expect("a weaver.toml");
        let deployment = match way {
            Way::OneProcess => {
                let mut program = Command::new(PROGRAMS.join(example));
                program.env("WEAVER_CONFIG", config);
                Deployment::of(directory, program)
            }
            Way::Deployed => Deployment::in_directory(directory, &[]),
            Way::AllInSandboxes => Deployment::in_directory(directory, &["--sandbox", "all"]),
        };
        Self(deployment, way)
    }

    /// Where its listener is, once it is there.
    fn address(&self, listener: &str) -> String {
        let start = format!("{listener}  http://");
        let line = self.0.wait_for_line_within(FIRST_SECONDS_MAX, &start);
        line.split_once("http://").expect("it is in it").1.trim().to_owned()
    }
}

/// The example's own, with an address that is free, and with a database in `directory`, which is granted where all are
/// in sandboxes.
fn configuration(example: &str, way: Way, directory: &Path) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
    let own = fs::read_to_string(folder.join("weaver.toml")).unwrap_or_default();
    let lines = own.lines().map(|line| match (line, way) {
        (line, _) if line.starts_with("address = ") => "address = \"127.0.0.1:0\"".to_owned(),
        (line, _) if line.starts_with("path = ") => {
            format!("path = {:?}", directory.join("chat.db"))
        }
        ("components = [\"Store\"]", Way::AllInSandboxes) => {
            format!("{line}\nsandbox = {{ dirs = {{ {directory:?} = \"rw\" }} }}")
        }
        (line, _) => line.to_owned(),
    });
    let own: Vec<_> = lines.collect();
    let (binary, wasm) = (PROGRAMS.join(example), GUESTS.join(format!("{example}.wasm")));
    format!(
        "{}\n[app]\nname = \"{example}\"\nbinary = {binary:?}\nwasm = {wasm:?}\n",
        own.join("\n")
    )
}

/// Status line and body of an answer.
fn ask(address: &str, request: &str, body: &[u8]) -> (String, Vec<u8>) {
    ask_with(address, request, "", body)
}

/// The same with more headers.
fn ask_with(address: &str, request: &str, headers: &str, body: &[u8]) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let limit = Some(Duration::from_secs(ANSWER_SECONDS_MAX));
    stream.set_read_timeout(limit).expect("a limit");
    let length = body.len();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: example\r\nConnection: close\r\nContent-Length: {length}\r\n\
         traceparent: {TRACE}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("an end of the head");
    let status = answer.split(|&byte| byte == b'\r').next().expect("a first line");
    (String::from_utf8_lossy(status).into_owned(), answer[end + 4..].to_vec())
}

/// Runs an example in every way, and compares what `talk` brings.
fn is_the_same(example: &str, talk: impl Fn(&Running) -> Vec<(String, Vec<u8>)>) {
    let expected = talk(&Running::new(example, Way::OneProcess));
    assert!(!expected.is_empty(), "it says nothing");
    for way in [Way::Deployed, Way::AllInSandboxes] {
        let running = Running::new(example, way);
        let answers = talk(&running);
        assert!(
            answers == expected,
            "{way:?}: {answers:?}, not {expected:?}\n{}",
            running.0.output()
        );
    }
}

/// Runs an example that ends by itself in every way, and looks for what it prints.
fn prints(example: &str, lines: &[&str]) {
    for way in [Way::OneProcess, Way::Deployed, Way::AllInSandboxes] {
        let mut running = Running::new(example, way);
        let status = running.0.finish_within(FIRST_SECONDS_MAX);
        let output = running.0.output();
        assert!(status.success(), "{way:?}: {output}");
        for wanted in lines {
            assert!(output.lines().any(|line| line.ends_with(wanted)), "{way:?}: {output}");
        }
    }
}

#[test]
fn hello() {
    prints("hello", &["Hello, world!"]);
}

#[test]
fn collatz() {
    is_the_same("collatz", |running| {
        let address = running.address("collatz");
        let eight = ask(&address, "GET /?x=8", b"");
        assert_eq!(String::from_utf8_lossy(&eight.1), "8\n4\n2\n1\n");
        vec![eight, ask(&address, "GET /?x=97", b""), ask(&address, "GET /?x=nothing", b"")]
    });
}

#[test]
fn factors() {
    is_the_same("factors", |running| {
        let address = running.address("factors");
        let ten = ask(&address, "GET /?x=10", b"");
        assert_eq!(String::from_utf8_lossy(&ten.1), "[1 2 5 10]\n");
        vec![ten, ask(&address, "GET /?x=360360", b""), ask(&address, "GET /?x=0", b"")]
    });
}

#[test]
fn interfaces() {
    prints("interfaces", &["tick 1", "tick 2", "tick 3"]);
}

/// Its `main` is its own and stays native, and so does its listener; its component goes where it is put.
#[test]
fn existing_app() {
    let mut expected = None;
    for (group, arguments) in [
        (None, &[][..]),
        (Some(""), &[]),
        (Some("sandbox = true\n"), &[]),
        (Some(""), &["--sandbox", "Prices"]),
    ] {
        let directory = fresh_directory();
        let (binary, wasm) = (PROGRAMS.join("existing-app"), GUESTS.join("existing-app.wasm"));
        let group = group.map(|more| format!("[groups.prices]\ncomponents = [\"Prices\"]\n{more}"));
        let config = format!(
            "[app]\nname = \"existing-app\"\nbinary = {binary:?}\nwasm = {wasm:?}\n\
             env = {{ ADDRESS = \"127.0.0.1:0\" }}\n{}",
            group.as_deref().unwrap_or_default()
        );
        fs::write(directory.path().join("weaver.toml"), config).expect("a weaver.toml");
        let running = match group {
            Some(_) => Deployment::in_directory(directory, arguments),
            None => {
                let mut program = Command::new(&binary);
                program.env("ADDRESS", "127.0.0.1:0").env("WEAVER_CONFIG", "/dev/null");
                Deployment::of(directory, program)
            }
        };
        let line = running.wait_for_line_within(FIRST_SECONDS_MAX, "listening on http://");
        let address = line.split_once("http://").expect("it is in it").1.trim();
        let answers = ["tea", "cake", "gold"].map(|it| ask(address, &format!("GET /{it}"), b""));
        assert_eq!(String::from_utf8_lossy(&answers[0].1), "3.50\n");
        assert_eq!(
            expected.get_or_insert_with(|| answers.clone()),
            &answers,
            "{}",
            running.output()
        );
    }
}

#[test]
fn reverser() {
    is_the_same("reverser", |running| {
        let address = running.address("reverser");
        let reversed = ask(&address, "GET /reverse?s=abcdef", b"");
        assert_eq!(String::from_utf8_lossy(&reversed.1), "fedcba");
        vec![reversed, ask(&address, "GET /", b""), ask(&address, "GET /reverse", b"")]
    });
}

#[test]
fn chat() {
    is_the_same("chat", |running| {
        let address = running.address("chat");
        let json = |text: &str| {
            ask_with(
                &address,
                "POST /threads",
                "Content-Type: application/json\r\n",
                text.as_bytes(),
            )
        };
        let begun = [
            json("{\"title\": \"tea\"}"),
            json("{\"title\": \"cake\"}"),
            json("{\"title\": \" \"}"),
        ];
        assert_eq!(String::from_utf8_lossy(&begun[1].1), "2");
        let post = |query: &str, image: &[u8]| {
            ask(&address, &format!("POST /threads/1/posts?{query}"), image)
        };
        let posted = [
            post("author=ada&text=hello", b""),
            post("author=ada&text=look", PNG),
            post("author=ada&text=this", b"no image"),
            post("author=ada&text=", b""),
            ask(&address, "POST /threads/7/posts?author=ada&text=lost", b""),
        ];
        let read = [
            "/",
            "/threads",
            "/threads/1/posts",
            "/threads/2/posts",
            "/threads/7/posts",
            "/images/1",
            "/images/1",
            "/images/2",
        ];
        let read = read.map(|path| ask(&address, &format!("GET {path}"), b""));
        let posts = "[{\"author\":\"ada\",\"text\":\"hello\",\"image\":null},\
                     {\"author\":\"ada\",\"text\":\"look\",\"image\":1}]";
        assert_eq!(String::from_utf8_lossy(&read[2].1), posts);
        assert!(read[5].1.starts_with(b"\x89PNG"), "{read:?}");
        [&begun[..], &posted, &read].concat()
    });
}

/// Two images of one pixel.
const PNG: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\
    \x00\x00\x1f\x15\xc4\x89\x00\x00\x00\x0dIDATx\xdacd\xf8\xcfP\x0f\x00\x03\x86\x01\x80Z4}k\
    \x00\x00\x00\x00IEND\xaeB`\x82";
const GIF: &[u8] = b"\
    GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\
    \x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;";

#[test]
fn thumbnails() {
    is_the_same("thumbnails", |running| {
        let address = running.address("thumbnails");
        if matches!(running.1, Way::OneProcess) {
            // Nobody is to think that it is limited.
            running.0.wait_for_line("without the limits of `sandbox`: images");
        }
        let answers = [PNG, GIF].map(|image| ask(&address, "POST /", image));
        for (status, body) in &answers {
            assert_eq!(status, "HTTP/1.1 200 OK");
            assert!(body.starts_with(b"\x89PNG"), "{body:?}");
        }
        let mut answers = answers.to_vec();
        answers.push(ask(&address, "POST /", b"no image"));
        answers.push(ask(&address, "GET /", b""));
        // What the decoder and `main` log, wherever they are, is of the request's trace.
        for logged in ["decoding bytes=8", "no thumbnail bytes=8"] {
            let line = running.0.wait_for_line(logged);
            assert!(line.ends_with(" trace_id=0af7651916cd43dd8448eb211c80319c"), "{line}");
        }
        answers
    });
}

/// The store of `chat` has a section. All mistakes are told at once, before anything of the program has run.
#[test]
fn a_section_that_does_not_fit_is_an_error_before_the_start() {
    LazyLock::force(&BUILT);
    let refused = |config: &str| {
        let directory = fresh_directory();
        fs::write(directory.path().join("weaver.toml"), config).expect("a weaver.toml");
        let mut program = Command::new(PROGRAMS.join("chat"));
        program.current_dir(directory.path()).env("RUST_BACKTRACE", "0");
        let ended = program.output().expect("it starts");
        assert_eq!(ended.status.code(), Some(1));
        let told = String::from_utf8_lossy(&ended.stderr);
        let lines =
            told.lines().map(|line| line.rsplit_once("weaver.toml:").map(|it| it.1.to_owned()));
        lines.collect::<Vec<_>>()
    };
    let missing = " missing key `path` in [config.Store]; the file has no such section";
    assert_eq!(refused(""), [Some(missing.to_owned())]);
    let lines = refused("[config.Store]\npathh = \"chat.db\"\n\n[config.Cart]\n");
    for (line, expected) in lines.iter().zip([
        "2:1: unknown key `pathh` in [config.Store]; did you mean `path`?",
        "4:9: unknown section `Cart`",
    ]) {
        assert!(line.as_ref().is_some_and(|line| line.starts_with(expected)), "{lines:#?}");
    }
    assert_eq!(lines.len(), 2, "{lines:#?}");
}
