//! A component whose trait and implementation are in crates of their own.

// Named, so that the linker keeps what it registers.
use weaver_tests_implementation as _;

use weaver::Result;
use weaver_tests_interface::{TranslateError, Translation, Translator};

use crate::Stage;

pub(crate) async fn interface_and_implementation_apart(stage: &Stage) -> Result<()> {
    let translator = stage.app.get::<dyn Translator>().await?;
    let (word, language) = ("Welt".to_owned(), "German".to_owned());
    assert_eq!(translator.translate("world").await, Ok(Translation { word, language }));
    let word = "xyzzy".to_owned();
    assert_eq!(translator.translate(&word).await, Err(TranslateError::Unknown { word }));
    Ok(())
}
