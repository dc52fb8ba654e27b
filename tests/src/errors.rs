//! Errors: the author's own arrive as they were returned, and `weaver::Error` keeps its chain.

use serde::{Deserialize, Serialize};
use weaver::{CallError, CallErrorKind, Context, Ref, Result, component};

use crate::{Stage, panics::Bomb};

/// An author's own error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Trouble {
    Unit,
    Newtype(u64),
    Tuple(String, i8),
    Struct { item: String, left: Option<u32> },
    Call(CallError),
}

impl From<CallError> for Trouble {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

#[component]
trait Thrower {
    async fn throw(&self, trouble: Trouble) -> Result<(), Trouble>;

    /// Whether it was this variant, as the callee saw it.
    async fn is_unit(&self, trouble: &Trouble) -> Result<bool, CallError>;

    async fn chain(&self) -> Result<()>;

    async fn missing_file(&self) -> Result<String>;

    async fn text_alone(&self) -> Result<()>;
}

#[derive(Default)]
struct Pitcher;

#[component]
impl Thrower for Pitcher {
    async fn throw(&self, trouble: Trouble) -> Result<(), Trouble> {
        Err(trouble)
    }

    async fn is_unit(&self, trouble: &Trouble) -> Result<bool, CallError> {
        Ok(*trouble == Trouble::Unit)
    }

    async fn chain(&self) -> Result<()> {
        let number = "x".parse::<u8>().context("cannot read the number");
        number.map(drop).context("cannot do the sum")
    }

    async fn missing_file(&self) -> Result<String> {
        Ok(std::fs::read_to_string("/nowhere/at/all")?)
    }

    async fn text_alone(&self) -> Result<()> {
        Err(weaver::Error::msg("only this"))
    }
}

pub(crate) async fn own_variants(stage: &Stage) -> Result<()> {
    let thrower = stage.app.get::<dyn Thrower>().await?;
    let refused = CallErrorKind::InitFailed { reason: "elsewhere".to_owned() };
    let troubles = [
        Trouble::Unit,
        Trouble::Newtype(u64::MAX),
        Trouble::Tuple("ä".to_owned(), -1),
        Trouble::Struct { item: "pen".to_owned(), left: None },
        Trouble::Struct { item: String::new(), left: Some(0) },
        Trouble::Call(CallError::new("Some", "method", refused)),
    ];
    for trouble in troubles {
        assert_eq!(thrower.throw(trouble.clone()).await, Err(trouble.clone()));
        let is_unit = thrower.is_unit(&trouble).await.context("cannot ask")?;
        assert_eq!(is_unit, trouble == Trouble::Unit);
    }
    Ok(())
}

pub(crate) async fn chains_keep_their_text(stage: &Stage) -> Result<()> {
    let thrower = stage.app.get::<dyn Thrower>().await?;
    let error = thrower.chain().await.expect_err("it fails");
    assert_eq!(error.to_string(), "cannot do the sum");
    assert_eq!(
        format!("{error:#}"),
        "cannot do the sum: cannot read the number: invalid digit found in string"
    );
    assert_eq!(
        format!("{error:?}"),
        "cannot do the sum\n  caused by: cannot read the number\n  caused by: invalid digit found \
         in string"
    );
    assert_eq!(error.call_error(), None, "the call went well");
    let error = thrower.missing_file().await.expect_err("there is no such file");
    // The number behind it is another system's, where the callee is a guest.
    assert!(format!("{error:#}").starts_with("No such file or directory"), "{error:#}");
    let error = thrower.text_alone().await.expect_err("it fails");
    assert_eq!(format!("{error:?}"), "only this");
    Ok(())
}

/// Calls others, from wherever it is.
#[component]
trait Go {
    async fn chain(&self) -> Result<()>;

    async fn bomb(&self) -> Result<()>;
}

#[derive(weaver::Component)]
struct Between {
    thrower: Ref<dyn Thrower>,
    bomb: Ref<dyn Bomb>,
}

#[component]
impl Go for Between {
    async fn chain(&self) -> Result<()> {
        self.thrower.chain().await.context("between")
    }

    async fn bomb(&self) -> Result<()> {
        self.bomb.explode("boom".to_owned()).await.map(drop).context("between")
    }
}

pub(crate) async fn call_errors_stay_typed_across_two_calls(stage: &Stage) -> Result<()> {
    let between = stage.app.get::<dyn Go>().await?;
    let error = between.chain().await.expect_err("it fails").context("here");
    assert_eq!(
        format!("{error:#}"),
        "here: between: cannot do the sum: cannot read the number: invalid digit found in string"
    );
    let error = between.bomb().await.expect_err("it panics");
    let call = error.call_error().expect("the inner call failed");
    assert_eq!((call.component(), call.method()), ("Bomb", "explode"));
    assert_eq!(call.kind(), &CallErrorKind::Panicked { message: "boom".to_owned() });
    Ok(())
}
