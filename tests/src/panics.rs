//! A panic in a method, or in the author's own encoding and decoding: an error at its caller, and the
//! process lives.

mod bomb;

use weaver::{CallError, CallErrorKind, Context, Ran, Ref, Result};

pub(crate) use bomb::Bomb;
use bomb::Fragile;

use crate::Stage;

fn assert_panicked<T>(method: &str, message: &str, outcome: Result<T, CallError>) {
    let error = outcome.err().expect("it panicked");
    assert_eq!((error.component(), error.method()), ("Bomb", method));
    let CallErrorKind::Panicked { message: said } = error.kind() else { panic!("{error}") };
    assert!(said.contains(message), "{said}");
}

async fn pid(bomb: &Ref<dyn Bomb>) -> Result<u32> {
    bomb.pid().await.context("the process does not live")
}

pub(crate) async fn are_errors_at_the_caller(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    for message in ["boom", "", "Grüezi\nagain"] {
        let error = bomb.explode(message.to_owned()).await.expect_err("it panicked");
        assert_eq!(error.kind(), &CallErrorKind::Panicked { message: message.to_owned() });
        assert_eq!(error.ran(), Ran::Yes);
        assert_panicked("explode_later", message, bomb.explode_later(message.to_owned()).await);
    }
    assert_panicked("explode_without_words", "", bomb.explode_without_words().await);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

pub(crate) async fn while_an_argument_is_decoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let taken = bomb.take(Fragile::BREAKS_DECODING).await;
    if stage.encoded {
        assert_panicked("take", "broken while decoding", taken);
    } else {
        assert_eq!(taken.context("nothing is decoded")?, Fragile::BREAKS_DECODING.0);
    }
    assert_eq!(bomb.take(Fragile::SOUND).await.context("the next call")?, Fragile::SOUND.0);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

pub(crate) async fn while_a_result_is_encoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let given = bomb.give(Fragile::BREAKS_ENCODING.0).await;
    if stage.encoded {
        assert_panicked("give", "broken while encoding", given);
    } else {
        assert_eq!(given.context("nothing is encoded")?, Fragile::BREAKS_ENCODING);
    }
    assert_eq!(bomb.give(7).await.context("the next call")?, Fragile::SOUND);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}

/// Here the author's code panics in the caller's own task, which may end; nothing else may.
pub(crate) async fn while_a_result_is_decoded(stage: &Stage) -> Result<()> {
    let bomb = stage.app.get::<dyn Bomb>().await?;
    let before = pid(&bomb).await?;
    let caller = bomb.clone();
    let give = async move { caller.give(Fragile::BREAKS_DECODING.0).await };
    let given = tokio::spawn(give).await;
    if stage.encoded {
        assert!(!matches!(given, Ok(Ok(_))), "it cannot have been decoded: {given:?}");
    } else {
        assert_eq!(given.ok(), Some(Ok(Fragile::BREAKS_DECODING)));
    }
    assert_eq!(bomb.give(7).await.context("the next call")?, Fragile::SOUND);
    assert_eq!(pid(&bomb).await?, before, "the process lives");
    Ok(())
}
