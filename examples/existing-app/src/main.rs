//! A web service: tokio, axum, and a trait behind which the work is done.

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use weaver::{App, CallError, component};

/// Knows what things cost.
#[component]
trait Prices: Send + Sync {
    /// The price of `thing` in cents.
    async fn price(&self, thing: String) -> Result<u32, PriceError>;
}

#[derive(Debug, thiserror::Error, Serialize, Deserialize)]
enum PriceError {
    #[error("there is no {0}")]
    Unknown(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

#[derive(Default)]
struct List;

#[component]
impl Prices for List {
    async fn price(&self, thing: String) -> Result<u32, PriceError> {
        match thing.as_str() {
            "tea" => Ok(350),
            "cake" => Ok(480),
            _ => Err(PriceError::Unknown(thing)),
        }
    }
}

async fn price(
    State(prices): State<Arc<dyn Prices>>,
    Path(thing): Path<String>,
) -> Result<String, (StatusCode, String)> {
    match prices.price(thing).await {
        Ok(cents) => Ok(format!("{}.{:02}\n", cents / 100, cents % 100)),
        Err(error) => Err((StatusCode::NOT_FOUND, format!("{error}\n"))),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder().start().await?;
    let prices: Arc<dyn Prices> = app.get::<dyn Prices>().await?.into();
    let router = Router::new().route("/{thing}", get(price)).with_state(prices);
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:9004".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    /// The README shows all that was changed, which is little.
    #[test]
    fn the_readme_shows_the_whole_change() {
        let (before, readme) = (include_str!("../before.rs"), include_str!("../README.md"));
        let (program, _) = include_str!("main.rs").split_once("\n#[cfg(test)]").unwrap();
        let new: Vec<_> =
            program.lines().filter(|&line| !before.lines().any(|it| it == line)).collect();
        assert!(new.len() <= 10, "{} lines", new.len());
        for line in new {
            assert!(readme.contains(&format!("\n+{line}\n")), "not in the README: {line}");
        }
    }
}
