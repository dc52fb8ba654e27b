#[component(unregistered)]
impl Cart for FakeCart {
    async fn clear(&self) -> Result<()> {
        Ok(())
    }
}
