//! [`Neighbour`]: a good peer that calls all the time and must never notice the others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::task::JoinHandle;

use crate::{
    probe::{Callee, Caller},
    soon,
};

/// A good peer with one call that is in flight all the time, and many short ones.
pub(crate) struct Neighbour {
    caller: Arc<Caller>,
    held: JoinHandle<weaver_runtime::Result<()>>,
    stop: Arc<AtomicBool>,
    calling: JoinHandle<usize>,
}

impl Neighbour {
    pub(crate) async fn new(callee: &Callee) -> Self {
        let caller = Arc::new(callee.friend());
        soon("the first call", caller.probe.echo(String::new())).await.unwrap();
        let before = callee.held();
        let probe = Arc::clone(&caller.probe);
        let held = tokio::spawn(async move { probe.hold().await });
        crate::until("the call that is held", || callee.held() > before).await;
        let stop = Arc::new(AtomicBool::new(false));
        let calling = tokio::spawn(call_until(Arc::clone(&caller), Arc::clone(&stop)));
        Self { caller, held, stop, calling }
    }

    /// Fails if any call failed, the one in flight included.
    pub(crate) async fn assert_unharmed(self, callee: &Callee) {
        self.stop.store(true, Ordering::SeqCst);
        let calls = soon("the neighbour's last call", self.calling).await.unwrap();
        assert!(calls > 0);
        assert!(!self.held.is_finished(), "the call in flight ended early");
        callee.release();
        soon("the call in flight", self.held).await.unwrap().unwrap();
        drop(self.caller);
    }
}

async fn call_until(caller: Arc<Caller>, stop: Arc<AtomicBool>) -> usize {
    let mut calls = 0;
    while !stop.load(Ordering::SeqCst) || calls == 0 {
        let text = format!("neighbour {calls}");
        let answer = soon("a neighbour's call", caller.probe.echo(text.clone())).await;
        assert_eq!(answer.unwrap(), text);
        calls += 1;
        tokio::task::yield_now().await;
    }
    calls
}
