//! The program that the tests of this package deploy.

use weaver::{App, Config, Result};
use weaver_tests::errand::{self, Orders};

#[weaver::main]
async fn main(app: App, orders: Config<Orders>) -> Result<()> {
    errand::run(app, orders).await
}
