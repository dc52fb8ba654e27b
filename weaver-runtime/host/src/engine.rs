//! [`Engine`]: compiles guests, and keeps what it has compiled.

use std::{
    fs,
    hash::{Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use siphasher::sip128::{Hasher128, SipHasher24};
use wasmtime::{Config, component::Component};

/// How often a guest that works looks whether it must stop, or let others work.
pub(crate) const EPOCH_MILLISECONDS: u64 = 5;

/// The stack of a turn, of which wasmtime lets a guest have half a mebibyte: what a guest calls outside begins on it,
/// and has more than on a thread of tokio's, which is 2 MiB.
const STACK_BYTES: usize = 4 << 20;

/// Compiles guests. Cloning shares it.
#[derive(Clone)]
pub struct Engine {
    pub(crate) engine: wasmtime::Engine,
    /// Ends the thread that counts epochs.
    _ticks: Arc<()>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Engine")
    }
}

/// A guest cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no program, or not one of weaver's.
    #[error("{} is no program that this sandbox can run: {reason}", path.display())]
    Compile {
        /// The file.
        path: PathBuf,
        /// The compiler's word.
        reason: String,
    },
    /// There is no engine on this machine.
    #[error("WebAssembly cannot be run on this machine: {0}")]
    Engine(String),
}

impl From<CompileError> for weaver_runtime::Error {
    fn from(error: CompileError) -> Self {
        Self::from_std(&error)
    }
}

impl Engine {
    /// An engine, and a thread that counts its epochs.
    ///
    /// # Errors
    /// This machine cannot run WebAssembly.
    pub fn new() -> Result<Self, CompileError> {
        let mut config = Config::new();
        config.epoch_interruption(true).async_stack_size(STACK_BYTES);
        let engine = wasmtime::Engine::new(&config)
            .map_err(|error| CompileError::Engine(format!("{error:#}")))?;
        let ticks = Arc::new(());
        let (ticked, alive) = (engine.clone(), Arc::downgrade(&ticks));
        thread::Builder::new()
            .name("weaver-epochs".to_owned())
            .spawn(move || count_epochs(&ticked, &alive))
            .map_err(|error| CompileError::Engine(error.to_string()))?;
        Ok(Self { engine, _ticks: ticks })
    }

    /// A compiled guest: from `cache`, if the same was compiled before.
    ///
    /// # Errors
    /// The file cannot be read, or is no guest. A cache that cannot be written only costs time.
    pub fn load(&self, wasm: &Path, cache: &Path) -> Result<Component, CompileError> {
        let read = |source| CompileError::Read { path: wasm.to_owned(), source };
        let bytes = fs::read(wasm).map_err(read)?;
        let kept = cache.join(self.name_of(&bytes));
        if let Some(component) = self.kept(&kept) {
            return Ok(component);
        }
        let failed = |error: wasmtime::Error| CompileError::Compile {
            path: wasm.to_owned(),
            reason: format!("{error:#}"),
        };
        let code = self.engine.precompile_component(&bytes).map_err(failed)?;
        keep(&kept, &code);
        // What was compiled a line above.
        #[expect(unsafe_code, reason = "nobody has touched what this engine has compiled")]
        let component = unsafe { Component::deserialize(&self.engine, &code) };
        component.map_err(failed)
    }

    /// The name of compiled code says of what, and by what.
    fn name_of(&self, bytes: &[u8]) -> String {
        let mut hasher = SipHasher24::new();
        bytes.hash(&mut hasher);
        self.engine.precompile_compatibility_hash().hash(&mut hasher);
        hasher.write(env!("CARGO_PKG_VERSION").as_bytes());
        format!("{:032x}.cwasm", hasher.finish128().as_u128())
    }

    fn kept(&self, path: &Path) -> Option<Component> {
        if !path.exists() {
            return None;
        }
        // The folder is the user's own, and written to by this function's counterpart alone. wasmtime itself
        // checks that the file is of this engine.
        #[expect(
            unsafe_code,
            reason = "a mapped file of machine code is trusted to be what was kept"
        )]
        let component = unsafe { Component::deserialize_file(&self.engine, path) };
        component.ok()
    }
}

/// Under its name only once it is whole: another process may look for it at this moment.
fn keep(path: &Path, code: &[u8]) {
    let write = || {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(code)?;
        file.persist(path).map_err(|error| error.error)?;
        io::Result::Ok(())
    };
    if let Err(error) = write() {
        weaver_runtime::warn(&format!("cannot keep compiled code in {}: {error}", path.display()));
    }
}

fn count_epochs(engine: &wasmtime::Engine, alive: &Weak<()>) {
    while alive.strong_count() > 0 {
        thread::sleep(Duration::from_millis(EPOCH_MILLISECONDS));
        engine.increment_epoch();
    }
}
