//! A process with a hostile guest in it, and a calm one.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use weaver_guests::wild::{Calm, Deed, Wild};
use weaver_host::{Guest, GuestInstance};
use weaver_runtime::{
    App, CallError, CallErrorKind, Ran, Ref,
    config::ConfigFile,
    sandbox::{Callbacks, Grants, Instances},
};

use crate::support::guest;

/// How long a replacement may take on a busy machine, in a debug build. The aim is 5 ms in release.
const REPLACED_MILLISECONDS_MAX: u64 = 2_000;

/// How long the calm guest's answer may take while the other works: they share one thread, in slices of 5 ms.
const CALM_MILLISECONDS_MAX: u64 = 2_000;

const CONFIG: &str = r#"
[groups.wild]
components = ["Wild", "Moody", "Deaf"]
[groups.calm]
components = ["Calm"]
"#;

pub(super) struct Town {
    pub(super) app: App,
    pub(super) wild: Ref<dyn Wild>,
    calm: Calmness,
    refused: Arc<Mutex<Vec<String>>>,
}

/// Notes what is refused to a guest.
struct Watched {
    guest: Guest,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Instances for Watched {
    type Instance = GuestInstance;

    async fn instantiate(&self, callbacks: Callbacks) -> Result<GuestInstance, String> {
        let (noted, pass_on) = (Arc::clone(&self.refused), callbacks.refused);
        let refused = Arc::new(move |what: &str| {
            noted.lock().expect("nobody panics").push(what.to_owned());
            pass_on(what);
        });
        self.guest.instantiate(Callbacks { refused, ..callbacks }).await
    }

    fn concurrency(&self) -> usize {
        self.guest.concurrency()
    }
}

/// Starts a process whose wild guest is this one.
pub(super) async fn app(wild: impl Instances, more: &str) -> App {
    let config = ConfigFile::parse(Path::new("weaver.toml"), &format!("{more}\n{CONFIG}"));
    let app = App::builder()
        .config(config.expect("it is right"))
        .sandbox("wild", wild)
        .sandbox("calm", guest(Grants::default()));
    app.start().await.expect("it starts")
}

impl Town {
    pub(super) async fn new(grants: Grants) -> Self {
        Self::with(grants, "").await
    }

    /// With more configuration.
    pub(super) async fn with(grants: Grants, more: &str) -> Self {
        let refused = Arc::default();
        let watched = Watched { guest: guest(grants), refused: Arc::clone(&refused) };
        let app = app(watched, more).await;
        let wild = app.get::<dyn Wild>().await.expect("it is there");
        let calm = Calmness::watch(app.get::<dyn Calm>().await.expect("it is there"));
        Self { app, wild, calm, refused }
    }

    /// What was refused since it was last asked.
    pub(super) fn refused(&self) -> Vec<String> {
        std::mem::take(&mut *self.refused.lock().expect("nobody panics"))
    }

    /// With a guest that need not answer.
    pub(super) async fn raw(wild: impl Instances) -> (Arc<App>, Calmness) {
        let app = Arc::new(app(wild, "").await);
        let calm = app.get::<dyn Calm>().await.expect("it is there");
        (app, Calmness::watch(calm))
    }

    /// What came of a deed that ends in an answer.
    pub(super) async fn asked(&self, deed: Deed) -> Result<String, String> {
        let before = self.calm.answers();
        let outcome = self.wild.carry_out(deed.clone()).await.expect("it answers");
        println!("{deed:?}: {outcome:?}");
        self.calm.holds_since(before).await;
        outcome
    }

    /// The error of a deed that ends the instance, once the next one has answered.
    pub(super) async fn ends(&self, deed: Deed) -> CallError {
        let before = self.calm.answers();
        let began = Instant::now();
        let error = self.wild.carry_out(deed.clone()).await.expect_err("it has ended");
        let ended = Instant::now();
        println!("{deed:?} took {:?}: {error}", ended - began);
        self.is_replaced(ended).await;
        self.calm.holds_since(before).await;
        error
    }

    pub(super) async fn is_replaced(&self, ended: Instant) {
        let answer = self.wild.carry_out(Deed::Nothing).await.expect("the next is there");
        let took = ended.elapsed();
        println!("replaced within {took:?}");
        assert_eq!(answer, Ok("calm".to_owned()));
        assert!(took < Duration::from_millis(REPLACED_MILLISECONDS_MAX), "{took:?}");
    }

    pub(super) async fn close(self) {
        self.calm.holds().await;
        drop(self.calm);
        self.app.shutdown().await;
    }
}

/// A calm guest that is asked all the time.
pub(super) struct Calmness {
    task: JoinHandle<()>,
    answers: Arc<AtomicU64>,
}

impl Drop for Calmness {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Calmness {
    fn watch(calm: Ref<dyn Calm>) -> Self {
        let answers = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&answers);
        let task = tokio::spawn(async move {
            for number in 0.. {
                let began = Instant::now();
                assert_eq!(calm.echo(number).await.expect("it answers"), number);
                let took = began.elapsed();
                assert!(took < Duration::from_millis(CALM_MILLISECONDS_MAX), "{took:?}");
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        Self { task, answers }
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// The other guest goes on answering.
    pub(super) async fn holds(&self) {
        self.holds_since(self.answers()).await;
    }

    async fn holds_since(&self, before: u64) {
        let until = Instant::now() + Duration::from_secs(10);
        while self.answers() <= before {
            assert!(Instant::now() < until, "the calm guest has stopped answering");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!self.task.is_finished(), "the calm guest was harmed");
    }
}

pub(super) fn is_unknown(error: &CallError, word: &str) {
    assert!(matches!(error.kind(), CallErrorKind::OutcomeUnknown { .. }), "{error}");
    assert!(error.to_string().contains(word), "{error}");
}

pub(super) fn is_trapped(error: &CallError, word: &str) {
    assert!(matches!(error.kind(), CallErrorKind::Trapped { .. }), "{error}");
    assert_eq!(error.ran(), Ran::Yes);
    assert!(error.to_string().contains(word), "{error}");
}

pub(super) fn is_panic(error: &CallError, word: &str) {
    assert!(matches!(error.kind(), CallErrorKind::Panicked { .. }), "{error}");
    assert!(error.to_string().contains(word), "{error}");
}
