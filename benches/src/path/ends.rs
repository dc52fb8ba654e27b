//! [`End`]: a network namespace with one device in it. The namespace belongs to a process, and is gone
//! when that ends, which is when this program does, in whatever way: nothing is left to remove.

use std::{
    fs,
    io::ErrorKind,
    net::Ipv4Addr,
    path::Path,
    process::{Output, Stdio},
};

use tappers::Tun;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};
use weaver::{Context, Error, Result};

use super::{link::PACKETS_MAX, relay::MTU_BYTES};
use crate::process::within;

/// One end of the path.
#[derive(Debug)]
pub(crate) struct End {
    /// Whose namespace it is: a `cat`, which lives as long as we hold its input.
    holder: Child,
    pub(crate) pid: u32,
    pub(crate) address: Ipv4Addr,
}

/// What a run needs besides this program; says in one line what is missing.
pub(crate) fn check() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Err(Error::msg(
            "only root may make network namespaces: build with cargo, then run \
             `sudo target/release/benches path`",
        ));
    }
    if !Path::new("/dev/net/tun").exists() {
        return Err(Error::msg("there is no /dev/net/tun; try `modprobe tun`"));
    }
    Ok(())
}

impl End {
    /// The end at `address`, and the device whose packets come from there. TCP controls congestion as the
    /// kernel's `tcp` does.
    pub(crate) async fn new(address: Ipv4Addr, tcp: &str) -> Result<(Self, Tun)> {
        let mut unshare = Command::new("unshare");
        let unshare = unshare.args(["--net", "cat"]).kill_on_drop(true);
        let unshare = unshare.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = unshare.spawn().map_err(|error| missing("unshare", &error))?;
        let pid = holder.id().context("`unshare` has ended")?;
        // What comes back has gone through the `cat`, which is in the namespace by then.
        let (input, output) = (holder.stdin.as_mut(), holder.stdout.as_mut());
        let (input, output) = input.zip(output).context("`unshare` has no pipes")?;
        input.write_all(b"?").await?;
        output.read_exact(&mut [0]).await.context("`unshare --net` does not work")?;

        let tun = Tun::new().context("cannot open a TUN device")?;
        let name = tun.name().context("a TUN device without a name")?;
        let name = name.name().to_string_lossy().into_owned();
        // It can be moved: we keep our side of it.
        let mut ip = Command::new("ip");
        run("ip", ip.args(["link", "set", &name, "netns", &pid.to_string()])).await?;
        let (at, mtu, queue) =
            (address.to_string(), MTU_BYTES.to_string(), PACKETS_MAX.to_string());
        for arguments in [
            &["address", "add", &at, "dev", &name][..],
            &["link", "set", &name, "mtu", &mtu, "txqueuelen", &queue, "up"],
            &["route", "add", "default", "dev", &name, "congctl", tcp],
        ] {
            run("nsenter", within(pid).arg("ip").args(arguments)).await?;
        }
        Ok((Self { holder, pid, address }, tun))
    }

    /// Closes the namespace.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.holder.stdin.take());
        self.holder.wait().await?;
        Ok(())
    }

    /// Packets that the kernel dropped on their way out, because the relay did not take them in time.
    pub(crate) fn dropped(&self) -> Result<u64> {
        let devices = fs::read_to_string(format!("/proc/{}/net/dev", self.pid))?;
        let tun = devices.lines().find_map(|line| line.trim().strip_prefix("tun"));
        // The device's number, eight columns for what came, and three before it.
        let dropped = tun.and_then(|columns| columns.split_whitespace().nth(12)?.parse().ok());
        dropped.context("no counters of the TUN device")
    }
}

async fn run(program: &str, command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().await;
    let Output { status, stderr, .. } = output.map_err(|error| missing(program, &error))?;
    match status.success() {
        true => Ok(()),
        false => {
            let reason = String::from_utf8_lossy(&stderr);
            Err(Error::msg(format!("{:?}: {}", command.as_std(), reason.trim())))
        }
    }
}

fn missing(program: &str, error: &std::io::Error) -> Error {
    if error.kind() != ErrorKind::NotFound {
        return Error::msg(format!("cannot run `{program}`: {error}"));
    }
    let package = if program == "ip" { "iproute2" } else { "util-linux" };
    Error::msg(format!("there is no `{program}`; install the package {package}"))
}
