//! A web service: tokio, axum, and a trait behind which the work is done.

use std::{env, error::Error, sync::Arc};

use async_trait::async_trait;
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use tokio::net::TcpListener;

/// Knows what things cost.
#[async_trait]
trait Prices: Send + Sync {
    /// The price of `thing` in cents.
    async fn price(&self, thing: String) -> Result<u32, PriceError>;
}

#[derive(Debug, thiserror::Error)]
enum PriceError {
    #[error("there is no {0}")]
    Unknown(String),
}

#[derive(Default)]
struct List;

#[async_trait]
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
    let prices: Arc<dyn Prices> = Arc::new(List);
    let router = Router::new().route("/{thing}", get(price)).with_state(prices);
    let address = env::var("ADDRESS").unwrap_or_else(|_| "127.0.0.1:9004".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}
