//! Messages above the limit of 64 MiB.

use weaver::{CallErrorKind, Ran, Refusal, Result, component};

use crate::Stage;

const MESSAGE_BYTES_MAX: usize = 64 << 20;

#[component]
trait Porter {
    async fn weigh(&self, load: &[u8]) -> Result<usize>;

    async fn fetch(&self, count: usize) -> Result<Vec<u8>>;
}

#[derive(Default)]
struct Strong;

#[component]
impl Porter for Strong {
    async fn weigh(&self, load: &[u8]) -> Result<usize> {
        Ok(load.len())
    }

    async fn fetch(&self, count: usize) -> Result<Vec<u8>> {
        Ok(vec![7; count])
    }
}

fn assert_too_large<T>(outcome: Result<T>, bytes: usize, ran: Ran) {
    let error = outcome.err().expect("it is larger than a message may be");
    let call = error.call_error().expect("it is the call that failed");
    let refusal = Refusal::TooLarge { bytes, bytes_max: MESSAGE_BYTES_MAX };
    assert_eq!(call.kind(), &CallErrorKind::Refused(refusal));
    assert_eq!(call.ran(), ran);
}

pub(crate) async fn arguments(stage: &Stage) -> Result<()> {
    let porter = stage.app.get::<dyn Porter>().await?;
    let load = vec![0; MESSAGE_BYTES_MAX + 1];
    let weighed = porter.weigh(&load).await;
    if stage.encoded {
        // A length stands before the bytes.
        assert_too_large(weighed, 8 + load.len(), Ran::No);
    } else {
        assert_eq!(weighed?, load.len());
    }
    assert_eq!(porter.weigh(&[1]).await?, 1, "the next call is none the worse");
    Ok(())
}

pub(crate) async fn results(stage: &Stage) -> Result<()> {
    let porter = stage.app.get::<dyn Porter>().await?;
    let fetched = porter.fetch(MESSAGE_BYTES_MAX + 1).await;
    if stage.encoded {
        // So does the variant of the result.
        assert_too_large(fetched, 4 + 8 + MESSAGE_BYTES_MAX + 1, Ran::Yes);
    } else {
        assert_eq!(fetched?.len(), MESSAGE_BYTES_MAX + 1);
    }
    assert_eq!(porter.fetch(1).await?, [7], "the next call is none the worse");
    Ok(())
}
