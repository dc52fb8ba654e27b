//! The factors of a number, computed once by whichever replica remembers the number.
//!
//! `GET /?x=10` answers `[1 2 5 10]`; `GET /stats` says how often each replica knew the answer.

mod cache;
mod factors;
mod tally;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    routing::get,
};
use serde::Deserialize;
use weaver::{Listener, Ref, Result};

use crate::{
    factors::{Factors, X_MAX},
    tally::Tally,
};

#[derive(Clone)]
struct Server {
    component: Ref<dyn Factors>,
    tally: Arc<Tally>,
}

#[derive(Deserialize)]
struct Question {
    x: u64,
}

type Answer = Result<String, (StatusCode, String)>;

async fn numbers(
    State(server): State<Server>,
    question: Result<Query<Question>, QueryRejection>,
) -> Answer {
    let x = question.ok().map(|Query(question)| question.x).filter(|x| (1..=X_MAX).contains(x));
    let answer = server.component.factors(x.ok_or_else(bad_question)?).await.map_err(failed)?;
    server.tally.count(&answer);
    let factors: Vec<_> = answer.factors.iter().map(u64::to_string).collect();
    Ok(format!("[{}]\n", factors.join(" ")))
}

async fn stats(State(server): State<Server>) -> String {
    server.tally.to_string()
}

fn bad_question() -> (StatusCode, String) {
    let sentence = format!("Ask for the factors of a number from 1 to {X_MAX}, such as /?x=10.\n");
    (StatusCode::BAD_REQUEST, sentence)
}

fn failed(error: weaver::Error) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n"))
}

#[weaver::main]
async fn main(factors: Listener, component: Ref<dyn Factors>) -> Result<()> {
    let router = Router::new()
        .route("/", get(numbers))
        .route("/stats", get(stats))
        .with_state(Server { component, tally: Arc::default() });
    axum::serve(factors, router).await?;
    Ok(())
}
