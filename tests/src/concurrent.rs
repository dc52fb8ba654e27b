//! Many calls at once.

use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task::JoinSet};
use weaver::{Context, Result, component};

use crate::Stage;

/// Who asks what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Question {
    task: u32,
    call: u32,
    filler: String,
}

impl Question {
    /// Lengths differ from call to call, so that answers overtake each other.
    fn new(task: u32, call: u32) -> Self {
        let letter = char::from(b'a' + u8::try_from(task % 26).unwrap_or_default());
        let length = usize::try_from((task * 7 + call * 13) % 97).unwrap_or_default();
        Self { task, call, filler: String::from(letter).repeat(length) }
    }
}

#[component]
trait Oracle {
    /// Answers with the question, some at once and some a little later.
    async fn ask(&self, question: Question) -> Result<(Question, u64)>;

    /// Returns when `open` is called.
    async fn wait(&self) -> Result<()>;

    async fn open(&self) -> Result<()>;
}

struct Delphi {
    gate: Semaphore,
}

impl Default for Delphi {
    fn default() -> Self {
        Self { gate: Semaphore::new(0) }
    }
}

#[component]
impl Oracle for Delphi {
    async fn ask(&self, question: Question) -> Result<(Question, u64)> {
        for _ in 0..question.call % 4 {
            tokio::task::yield_now().await;
        }
        let code = code(&question);
        Ok((question, code))
    }

    async fn wait(&self) -> Result<()> {
        self.gate.acquire().await.context("the gate is closed for ever")?.forget();
        Ok(())
    }

    async fn open(&self) -> Result<()> {
        self.gate.add_permits(1);
        Ok(())
    }
}

fn code(question: &Question) -> u64 {
    u64::from(question.task) << 32 | u64::from(question.call)
}

pub(crate) async fn nobody_gets_anothers_answer(stage: &Stage) -> Result<()> {
    const TASKS: u32 = 64;
    const CALLS: u32 = 500;
    let oracle = stage.app.get::<dyn Oracle>().await?;
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let oracle = oracle.clone();
        tasks.spawn(async move {
            for call in 0..CALLS {
                let question = Question::new(task, call);
                let (answered, there) = oracle.ask(question.clone()).await?;
                assert_eq!((&answered, there), (&question, code(&question)));
            }
            Ok::<_, weaver::Error>(())
        });
    }
    let mut done = 0;
    while let Some(ended) = tasks.join_next().await {
        ended.context("a caller panicked")??;
        done += 1;
    }
    assert_eq!(done, TASKS);
    Ok(())
}

pub(crate) async fn a_slow_call_holds_up_nobody(stage: &Stage) -> Result<()> {
    const CALLS: u32 = 100;
    let oracle = stage.app.get::<dyn Oracle>().await?;
    let slow = oracle.clone();
    let slow = tokio::spawn(async move { slow.wait().await });
    for call in 0..CALLS {
        let question = Question::new(0, call);
        assert_eq!(oracle.ask(question.clone()).await?.0, question);
    }
    assert!(!slow.is_finished(), "nobody has opened the gate");
    oracle.open().await?;
    slow.await.context("the slow caller panicked")?
}
