//! Where the window keeps things on disk, and the thread that writes them, so that no frame waits for a disk.
//!
//! A file is written whole or not at all. This must not know what the files mean.

use super::atomic_write::write_atomically;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// What came of writing a file.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: PathBuf,
    pub(crate) result: io::Result<()>,
}

/// What is to be written: made on the writing thread, since that may take as long as writing it.
type Text = Box<dyn FnOnce() -> String + Send>;

/// The thread that writes files.
pub(crate) struct Writer {
    to_do: Option<Sender<(PathBuf, Text)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it tells what came of each file.
    pub(crate) fn start(tell: impl Fn(Written) + Send + 'static) -> io::Result<Self> {
        let (to_do, files) = channel::<(PathBuf, Text)>();
        let work = move || {
            while let Ok((file, text)) = files.recv() {
                let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
                let result = folder.and_then(|()| write_atomically(&file, text().as_bytes()));
                tell(Written { file, result });
            }
        };
        let thread = std::thread::Builder::new().name("slowgrad-writer".into()).spawn(work)?;
        Ok(Self { to_do: Some(to_do), thread: Some(thread) })
    }

    /// Writes a file, after those that were handed over before.
    pub(crate) fn write(&self, file: PathBuf, text: impl FnOnce() -> String + Send + 'static) {
        if let Some(to_do) = &self.to_do {
            // It ends only when this is dropped.
            let _ = to_do.send((file, Box::new(text)));
        }
    }
}

impl Drop for Writer {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.to_do = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_order_and_folders_are_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a/b/c.json");
        let (told, results) = channel();
        let writer = Writer::start(move |written| {
            let _ = told.send(written.result.is_ok());
        })
        .expect("a thread");
        for n in 0..20 {
            writer.write(file.clone(), move || n.to_string());
        }
        writer.write(PathBuf::from("/dev/null/x"), String::new);
        drop(writer);
        assert_eq!(fs::read_to_string(&file).expect("a file"), "19");
        let results: Vec<bool> = results.iter().collect();
        assert_eq!((results.len(), results.iter().filter(|good| !**good).count()), (21, 1));
        assert_eq!(fs::read_dir(file.parent().expect("a folder")).expect("entries").count(), 1);
    }
}
