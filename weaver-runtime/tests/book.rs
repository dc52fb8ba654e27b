//! What the chapters in `docs/` show of `weaver.toml` is read as it stands.

use std::{
    fs,
    path::{Path, PathBuf},
};

use weaver_runtime::config::ConfigFile;

/// A block of a chapter.
struct Block {
    file: PathBuf,
    /// Of its first line.
    line: usize,
    text: String,
}

impl Block {
    /// The blocks of a chapter whose fence is this. (Another kind of file has another: `toml,cargo`.)
    fn all(file: &Path, fence: &str) -> Vec<Self> {
        let chapter = fs::read_to_string(file).expect("a chapter is text");
        let mut lines = (1..).zip(chapter.lines());
        let mut blocks = Vec::new();
        while let Some((number, line)) = lines.next() {
            if line == fence {
                let inside = lines.by_ref().map(|(_, line)| line).take_while(|&line| line != "```");
                let text = inside.collect::<Vec<_>>().join("\n");
                blocks.push(Self { file: file.to_owned(), line: number + 1, text });
            }
        }
        blocks
    }

    /// What is wrong with it, where it is in the chapter.
    fn mistakes(&self) -> Vec<String> {
        let Err(error) = ConfigFile::parse(&self.file, &self.text) else { return Vec::new() };
        let place = |line: usize| format!("{}:{}", self.file.display(), self.line + line - 1);
        let mistakes = error.mistakes().iter().map(|mistake| {
            let line = mistake.position.map_or(1, |position| position.line);
            format!("{}: {}", place(line), mistake.message)
        });
        mistakes.collect()
    }
}

fn chapters() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let files = fs::read_dir(folder).expect("the book is there");
    let files = files.map(|file| file.expect("the book can be read").path());
    files.filter(|file| file.extension().is_some_and(|it| it == "md")).collect()
}

#[test]
fn every_configuration_in_the_book_is_one() {
    let files = chapters();
    let blocks: Vec<_> = files.iter().flat_map(|file| Block::all(file, "```toml")).collect();
    assert!(!blocks.is_empty(), "no block is marked as `toml` in {files:?}");
    let mistakes: Vec<_> = blocks.iter().flat_map(Block::mistakes).collect();
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}
