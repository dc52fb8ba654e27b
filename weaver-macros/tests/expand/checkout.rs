#[derive(Component)]
pub struct Checkout {
    cart: Ref<dyn Cart>,
    shop: Listener,
    seen: Mutex<Vec<u64>>,
}
