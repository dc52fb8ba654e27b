//! [`Relay`]: the wire between two TUN devices. One thread carries every packet from one to the other,
//! as late and as seldom as two [`Link`]s say.

use std::{
    io,
    num::NonZeroU64,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    thread::set_current_timer_slack,
};
use tappers::Tun;

use super::link::{Counts, Link};

/// The largest packet, headers included: that of Ethernet.
pub(crate) const MTU_BYTES: usize = 1_500;

/// Packets from one side before it is the other's turn, and that of what is due.
const BATCH_PACKETS_MAX: usize = 64;

/// How long the thread sleeps at most, to see that it should end.
const SLEEP_MAX: Duration = Duration::from_millis(50);

/// Ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Relay {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// In parts of a million.
    loss: AtomicU32,
    is_over: AtomicBool,
    counts: Mutex<[Counts; 2]>,
}

impl Relay {
    /// Between the two devices, which lose what the seed says.
    pub(crate) fn start(mut ends: [Tun; 2], delay: Duration, seed: u64) -> io::Result<Self> {
        for end in &mut ends {
            end.set_nonblocking(true)?;
        }
        // Each direction has a seed of its own.
        let links = [seed, seed.wrapping_add(1)].map(|seed| Link::new(delay, seed));
        let shared = Arc::<Shared>::default();
        let its = Arc::clone(&shared);
        let thread = thread::Builder::new().name("relay".to_owned()).spawn(move || {
            if let Err(error) = carry(&ends, links, &its) {
                eprintln!("the relay ends, and no call will be answered any more: {error}");
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// The probability with which a packet is lost from now on, in parts of a million.
    pub(crate) fn set_loss(&self, loss: u32) {
        self.shared.loss.store(loss, Ordering::Relaxed);
    }

    /// What became of the packets of each direction so far.
    pub(crate) fn counts(&self) -> [Counts; 2] {
        *self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // A thread that has panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn carry(ends: &[Tun; 2], mut links: [Link; 2], shared: &Shared) -> io::Result<()> {
    // The kernel may wake a sleeper 50 µs late, unless it is told not to.
    set_current_timer_slack(NonZeroU64::new(1))?;
    let beginning = Instant::now();
    let mut packet = [0; MTU_BYTES];
    while !shared.is_over.load(Ordering::Relaxed) {
        let loss = shared.loss.load(Ordering::Relaxed);
        for (end, link) in ends.iter().zip(&mut links) {
            for _ in 0..BATCH_PACKETS_MAX {
                match end.recv(&mut packet) {
                    Ok(length) => link.send(&packet[..length], beginning.elapsed(), loss),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
        }
        let others = ends.iter().rev();
        for (end, link) in others.zip(&mut links) {
            while let Some(packet) = link.receive(beginning.elapsed()) {
                end.send(&packet)?;
            }
        }
        let counts = [links[0].counts, links[1].counts];
        *shared.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
        let next = links.iter().filter_map(Link::next).min();
        let sleep = next.map_or(SLEEP_MAX, |next| next.saturating_sub(beginning.elapsed()));
        wait(ends, sleep.min(SLEEP_MAX))?;
    }
    Ok(())
}

/// Until a packet comes, or for so long.
fn wait(ends: &[Tun; 2], time: Duration) -> io::Result<()> {
    let mut readable = ends.each_ref().map(|end| PollFd::new(end, PollFlags::IN));
    let time = Timespec { tv_sec: 0, tv_nsec: time.subsec_nanos().into() };
    match poll(&mut readable, Some(&time)) {
        Err(rustix::io::Errno::INTR) => Ok(()),
        polled => Ok(polled.map(drop)?),
    }
}
