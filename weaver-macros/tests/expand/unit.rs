#[derive(Component)]
struct Unit;
