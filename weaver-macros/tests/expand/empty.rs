#[component]
trait Nothing {}
