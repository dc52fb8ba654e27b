//! A web page, and the component that does its work.

use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    middleware::from_fn,
    response::Html,
    routing::get,
};
use serde::Deserialize;
use weaver::{Error, Listener, Ref, Result, component};

/// Turns texts around.
#[component]
pub trait Reverser {
    /// The characters of `text`, the last first.
    async fn reverse(&self, text: String) -> Result<String>;
}

#[derive(Default)]
struct Characters;

#[component]
impl Reverser for Characters {
    async fn reverse(&self, text: String) -> Result<String> {
        tracing::info!(bytes = text.len(), "reversing");
        Ok(text.chars().rev().collect())
    }
}

#[derive(Deserialize)]
struct Question {
    s: String,
}

async fn reverse(
    State(reverser): State<Ref<dyn Reverser>>,
    Query(question): Query<Question>,
) -> Result<String, (StatusCode, String)> {
    let failed = |error: Error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n"));
    reverser.reverse(question.s).await.map_err(failed)
}

async fn page() -> Html<&'static str> {
    Html(PAGE)
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Reverser</title>
<style>
  body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 15vh auto 0; padding: 0 1rem }
  form { display: flex; gap: .5rem }
  input { flex: 1; min-width: 0 }
  input, button { font: inherit; padding: .4rem .7rem }
  output { display: block; min-height: 2rem; margin-top: 1rem; overflow-wrap: anywhere }
</style>
<h1>Reverser</h1>
<form action="/reverse"><input name="s" aria-label="A text" value="abcdef" autofocus><button>Reverse</button></form>
<output></output>
<script>
  const form = document.querySelector("form");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch("/reverse?" + new URLSearchParams(new FormData(form)));
    document.querySelector("output").value = await answer.text();
  };
</script>
</html>
"#;

fn router(reverser: Ref<dyn Reverser>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/reverse", get(reverse))
        .layer(from_fn(weaver::trace_requests))
        .with_state(reverser)
}

#[weaver::main(init = weaver::init_logs)]
async fn main(reverser: Listener, component: Ref<dyn Reverser>) -> Result<()> {
    axum::serve(reverser, router(component)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use weaver::{App, LocalCalls};

    use super::*;

    /// What is sent is encoded, as it is between processes.
    #[tokio::test]
    async fn the_last_comes_first() -> Result<()> {
        let app = App::builder().local_calls(LocalCalls::Encoded).start().await?;
        let reverser: Ref<dyn Reverser> = app.get().await?;
        assert_eq!(reverser.reverse("abcdéf".to_owned()).await?, "fédcba");
        Ok(())
    }
}
