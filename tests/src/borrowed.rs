//! Arguments that a caller lends.

use std::path::Path;

use serde::{Deserialize, Serialize};
use weaver::{Result, component};

use crate::Stage;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct NotClone {
    name: String,
    inner: Option<Box<Self>>,
}

#[component]
trait Borrower {
    async fn text(&self, text: &str) -> Result<String>;

    async fn slice(&self, parts: &[String]) -> Result<String>;

    async fn value(&self, value: &NotClone) -> Result<NotClone>;

    async fn values(&self, values: &[NotClone]) -> Result<usize>;

    async fn path(&self, path: &Path) -> Result<String>;

    async fn mixed(
        &self,
        text: &str,
        owned: String,
        numbers: &[i64],
        flag: &bool,
    ) -> Result<String>;
}

#[derive(Default)]
struct Library;

#[component]
impl Borrower for Library {
    async fn text(&self, text: &str) -> Result<String> {
        tokio::task::yield_now().await;
        Ok(text.to_uppercase())
    }

    async fn slice(&self, parts: &[String]) -> Result<String> {
        tokio::task::yield_now().await;
        Ok(parts.join("+"))
    }

    async fn value(&self, value: &NotClone) -> Result<NotClone> {
        let name = value.name.clone();
        let inner = value.inner.as_ref().map(|it| NotClone { name: it.name.clone(), inner: None });
        Ok(NotClone { name, inner: inner.map(Box::new) })
    }

    async fn values(&self, values: &[NotClone]) -> Result<usize> {
        Ok(values.iter().map(|value| value.name.len()).sum())
    }

    async fn path(&self, path: &Path) -> Result<String> {
        Ok(path.display().to_string())
    }

    async fn mixed(
        &self,
        text: &str,
        owned: String,
        numbers: &[i64],
        flag: &bool,
    ) -> Result<String> {
        Ok(format!("{text} {owned} {numbers:?} {flag}"))
    }
}

pub(crate) async fn lent_values_arrive(stage: &Stage) -> Result<()> {
    let borrower = stage.app.get::<dyn Borrower>().await?;
    for text in ["", "grüezi"] {
        // Lent for the call alone.
        let owned = text.to_owned();
        assert_eq!(borrower.text(&owned).await?, text.to_uppercase());
    }
    assert_eq!(borrower.slice(&[]).await?, "");
    assert_eq!(borrower.slice(&["a".to_owned(), String::new()]).await?, "a+");
    let inner = NotClone { name: "in".to_owned(), inner: None };
    let value = NotClone { name: "out".to_owned(), inner: Some(Box::new(inner)) };
    assert_eq!(borrower.value(&value).await?, value);
    assert_eq!(borrower.values(std::slice::from_ref(&value)).await?, 3);
    assert_eq!(borrower.path(Path::new("/a/ä b")).await?, "/a/ä b");
    let mixed = borrower.mixed("a", "b".to_owned(), &[-1, 2], &true).await?;
    assert_eq!(mixed, "a b [-1, 2] true");
    Ok(())
}
