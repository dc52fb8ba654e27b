//! A page to try it.

use axum::response::Html;

pub(crate) async fn upload() -> Html<&'static str> {
    Html(
        r#"<!doctype html>
<meta charset="utf-8">
<title>Thumbnails</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 3rem auto; padding: 0 1rem }
  output { display: block; margin-top: 1.5rem; white-space: pre-wrap }
</style>
<h1>Thumbnails</h1>
<p>Choose a PNG, JPEG or GIF. It is decoded in a sandbox: a bad one harms nobody.</p>
<input type="file" accept="image/*" aria-label="Image">
<output></output>
<script>
  const output = document.querySelector("output");
  document.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    output.textContent = "…";
    const began = performance.now();
    const answer = await fetch("/", { method: "POST", body: file });
    const took = Math.round(performance.now() - began);
    if (!answer.ok) {
      output.textContent = await answer.text();
      return;
    }
    const image = new Image();
    image.alt = "The thumbnail";
    image.src = URL.createObjectURL(await answer.blob());
    output.replaceChildren(image, `\n${took} ms`);
  });
</script>
"#,
    )
}
