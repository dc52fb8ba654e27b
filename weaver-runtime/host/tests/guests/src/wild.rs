//! Guests that do what a guest should not, and one beside them that is none of it.

use std::{
    fs, io,
    net::ToSocketAddrs,
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use weaver::{CallError, Config, Lifecycle, Listener, Ref, Result, Stream, component};

use crate::Outer;

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// Nothing: the answer is "calm".
    Nothing,
    /// Reads a file.
    Read(String),
    /// Writes a file.
    Write(String),
    /// Makes a hard link to the first at the second, and reads what is behind it.
    Link(String, String),
    /// Opens a file so many times, and keeps all.
    Open(String, u32),
    /// Connects to an address, and reads all that is said.
    Connect(String),
    /// Listens at an address.
    Listen(String),
    /// Sends a datagram.
    Send(String),
    /// Looks up a name.
    Resolve(String),
    /// Lists its environment, and its arguments.
    Environment,
    /// Loops for ever.
    Spin,
    /// Loops for a while.
    SpinFor(Duration),
    /// Asks for memory for ever.
    Allocate,
    /// Asks for memory that it is not given, does without, and then panics.
    AllocateAndPanic,
    /// Recurses for ever.
    Recurse,
    /// Writes so many lines to stdout and to stderr.
    Log(u32),
    /// Panics.
    Panic(String),
    /// Panics with a message of so many bytes.
    PanicAtLength(u32),
    /// Panics in a task of its own.
    PanicInTask,
    /// Panics when its value is dropped.
    PanicInDrop,
    /// Calls the component outside so many times at once, each for so long; how many were answered and how many refused.
    CallOutside(u32, Duration),
    /// Answers so many bytes, a while after it was asked.
    Answer(u32),
    /// Leaves a task that naps for no time, for ever.
    Nap,
    /// Leaves a task that lets others have their turn, for ever.
    Yield,
    /// Waits for 10 ms, so many times.
    Doze(u32),
    /// Blocks its thread.
    Block(Duration),
    /// Ends its process.
    Exit(u8),
    /// Starts a thread.
    Thread,
    /// Ends its process at once.
    Abort,
}

/// Runs in a sandbox of its own, and does what it is told.
#[component]
pub trait Wild {
    /// Does it: what came of it.
    async fn carry_out(&self, deed: Deed) -> Result<Result<String, String>, CallError>;

    /// Takes a stream, reads nothing, and keeps it for a while.
    async fn hold(&self, items: Stream<Vec<u8>>, time: Duration) -> Result<(), CallError>;

    /// A stream without an end.
    async fn pour(&self, bytes: u32) -> Result<Stream<Vec<u8>>, CallError>;
}

/// Runs in another sandbox of the same process.
#[component]
pub trait Calm {
    /// The same again.
    async fn echo(&self, number: u64) -> Result<u64, CallError>;
}

/// Nobody but `main` may call it.
#[component]
pub trait Secret {
    /// It is told.
    async fn tell(&self) -> Result<String, CallError>;
}

/// Its `init` does what its configuration says.
#[component]
pub trait Moody {
    /// Is there.
    async fn ask(&self) -> Result<(), CallError>;
}

/// Has a listener and never accepts.
#[component]
pub trait Deaf {
    /// Is there.
    async fn ask(&self) -> Result<String, CallError>;
}

#[derive(weaver::Component)]
struct Beast {
    outer: Ref<dyn Outer>,
}

#[component]
impl Wild for Beast {
    async fn carry_out(&self, deed: Deed) -> Result<Result<String, String>, CallError> {
        if let Deed::CallOutside(calls, time) = deed {
            return Ok(Ok(self.call_outside(calls, time).await));
        }
        if let Deed::Answer(bytes) = deed {
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Ok(Ok("x".repeat(bytes as usize)));
        }
        if let Deed::Doze(times) = deed {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        if deed == Deed::Nap {
            tokio::spawn(async {
                loop {
                    tokio::time::sleep(Duration::from_nanos(1)).await;
                }
            });
        }
        if deed == Deed::Yield {
            tokio::spawn(async {
                loop {
                    tokio::task::yield_now().await;
                }
            });
        }
        if deed == Deed::PanicInTask {
            tokio::spawn(async { panic!("in a task") });
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        Ok(carry_out(deed).map_err(|error| error.to_string()))
    }

    async fn hold(&self, items: Stream<Vec<u8>>, time: Duration) -> Result<(), CallError> {
        tokio::time::sleep(time).await;
        drop(items);
        Ok(())
    }

    async fn pour(&self, bytes: u32) -> Result<Stream<Vec<u8>>, CallError> {
        let (sender, items) = Stream::channel(1);
        tokio::spawn(
            async move { while sender.send(Ok(vec![7; bytes as usize])).await.is_ok() {} },
        );
        Ok(items)
    }
}

impl Beast {
    async fn call_outside(&self, calls: u32, time: Duration) -> String {
        let calls = (0..calls).map(|_| {
            let outer = self.outer.clone();
            tokio::spawn(async move { outer.sleep(time).await })
        });
        let (mut answered, mut refused) = (0, 0);
        for call in calls.collect::<Vec<_>>() {
            match call.await {
                Ok(Ok(())) => answered += 1,
                Ok(Err(error)) if error.to_string().contains("refused: overloaded") => refused += 1,
                Ok(Err(error)) => return error.to_string(),
                Err(error) => return error.to_string(),
            }
        }
        format!("{answered} answered, {refused} refused")
    }
}

fn carry_out(deed: Deed) -> io::Result<String> {
    match deed {
        Deed::Nothing
        | Deed::Nap
        | Deed::Yield
        | Deed::Doze(_)
        | Deed::CallOutside(..)
        | Deed::Answer(_)
        | Deed::PanicInTask => {}
        Deed::Read(path) => return fs::read_to_string(path),
        Deed::Write(path) => fs::write(path, "wild")?,
        Deed::Link(to, at) => {
            fs::hard_link(to, &at)?;
            return fs::read_to_string(at);
        }
        Deed::Open(path, times) => {
            let mut files = Vec::new();
            for _ in 0..times {
                match fs::File::open(&path) {
                    Ok(file) => files.push(file),
                    Err(error) => return Ok(format!("{} files, then {error}", files.len())),
                }
            }
        }
        Deed::Connect(address) => {
            return io::read_to_string(std::net::TcpStream::connect(address)?);
        }
        Deed::Listen(address) => {
            let listener = std::net::TcpListener::bind(address)?;
            return Ok(listener.local_addr()?.to_string());
        }
        Deed::Send(address) => {
            let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
            socket.send_to(b"wild", address)?;
        }
        Deed::Resolve(name) => {
            return Ok(format!("{:?}", (name, 80).to_socket_addrs()?.collect::<Vec<_>>()));
        }
        Deed::Environment => {
            let variables: Vec<_> = std::env::vars().collect();
            return Ok(format!("{variables:?} {:?}", std::env::args().collect::<Vec<_>>()));
        }
        Deed::Spin => spin(),
        Deed::SpinFor(time) => {
            let began = Instant::now();
            while began.elapsed() < time {}
        }
        Deed::Allocate => return Ok(allocate().to_string()),
        Deed::AllocateAndPanic => {
            let refused = Vec::<u8>::new().try_reserve_exact(2 << 30).is_err();
            panic!("another reason: {refused}");
        }
        Deed::Recurse => return Ok(recurse(1).to_string()),
        Deed::Log(lines) => log(lines),
        Deed::Panic(message) => panic!("{message}"),
        Deed::PanicAtLength(bytes) => panic!("{}", "x".repeat(bytes as usize)),
        Deed::PanicInDrop => drop(Bomb),
        Deed::Block(time) => thread::sleep(time),
        Deed::Exit(code) => process::exit(code.into()),
        Deed::Thread => thread::Builder::new().spawn(|| {}).map(drop)?,
        Deed::Abort => process::abort(),
    }
    Ok("calm".to_owned())
}

fn spin() {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_add(1));
    }
}

fn allocate() -> usize {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(std::hint::black_box(vec![1; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    std::hint::black_box(recurse(std::hint::black_box(depth + 1))) + 1
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "that is the point")]
fn log(lines: u32) {
    for line in 0..lines {
        println!("line {line} of a guest that has much to say");
        eprintln!("line {line} of a guest that has much to say");
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

/// Counts who comes.
#[component]
pub trait Zoo {
    /// How often this cage was visited, as far as this instance knows.
    #[route(cage)]
    async fn visit(&self, cage: u64) -> Result<u64, CallError>;
}

#[derive(Default)]
struct Cages {
    visits: std::sync::Mutex<std::collections::BTreeMap<u64, u64>>,
}

#[component]
impl Zoo for Cages {
    async fn visit(&self, cage: u64) -> Result<u64, CallError> {
        let mut visits = self.visits.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let count = visits.entry(cage).or_default();
        *count += 1;
        Ok(*count)
    }
}

#[derive(Default)]
struct Quiet;

#[component]
impl Calm for Quiet {
    async fn echo(&self, number: u64) -> Result<u64, CallError> {
        Ok(number)
    }
}

/// How often the secret was told.
pub static TOLD: AtomicU32 = AtomicU32::new(0);

#[derive(Default)]
struct Kept;

#[component]
impl Secret for Kept {
    async fn tell(&self) -> Result<String, CallError> {
        TOLD.fetch_add(1, Ordering::Relaxed);
        Ok("secret".to_owned())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Mood {
    deed: String,
}

#[derive(weaver::Component)]
struct Changeable {
    mood: Config<Mood>,
}

impl Lifecycle for Changeable {
    async fn init(&mut self) -> Result<()> {
        match self.mood.deed.as_str() {
            "panic" => panic!("in init"),
            "abort" => process::abort(),
            "spin" => spin(),
            "fail" => return Err(weaver::Error::msg("not today")),
            "wait" => tokio::time::sleep(Duration::from_secs(3600)).await,
            _ => {}
        }
        Ok(())
    }
}

#[component]
impl Moody for Changeable {
    async fn ask(&self) -> Result<(), CallError> {
        Ok(())
    }
}

#[derive(weaver::Component)]
struct Stone {
    deaf_port: Listener,
}

#[component]
impl Deaf for Stone {
    async fn ask(&self) -> Result<String, CallError> {
        Ok(self.deaf_port.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string()))
    }
}
