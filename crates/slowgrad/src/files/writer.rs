//! A thread that writes files, so that no frame waits for the disk.
//!
//! It must not know the meaning of the files.

use super::output::{self, OutputError};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// The result of writing a file.
#[derive(Debug)]
pub(crate) struct WriteResult {
    pub(crate) file: PathBuf,
    pub(crate) result: Result<(), OutputError>,
}

/// Produces the contents of a file. It runs on the writer thread, because it may take as long as writing.
type MakeText = Box<dyn FnOnce() -> String + Send>;

/// The thread that writes files.
pub(crate) struct Writer {
    queue: Option<Sender<(PathBuf, MakeText)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which reports the result of each write.
    ///
    /// # Errors
    ///
    /// When the system cannot start a thread.
    pub(crate) fn start(report: impl Fn(WriteResult) + Send + 'static) -> io::Result<Self> {
        let (queue, files) = channel::<(PathBuf, MakeText)>();
        let work = move || {
            while let Ok((file, text)) = files.recv() {
                // If the folder cannot be created, writing says so.
                let _ = file.parent().map_or(Ok(()), fs::create_dir_all);
                let result = output::write(&file, text().as_bytes());
                report(WriteResult { file, result });
            }
        };
        let thread = std::thread::Builder::new().name("slowgrad-writer".into()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a file to be written. Files are written in the order of the calls.
    pub(crate) fn write(&self, file: PathBuf, text: impl FnOnce() -> String + Send + 'static) {
        if let Some(queue) = &self.queue {
            // The thread ends only when the writer is dropped.
            let _ = queue.send((file, Box::new(text)));
        }
    }
}

impl Drop for Writer {
    /// Waits until all queued files are written.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_in_order_and_folders_created() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a/b/c.json");
        let (sender, results) = channel();
        let writer = Writer::start(move |write| {
            let _ = sender.send(write.result.is_ok());
        })
        .expect("a thread");
        for n in 0..20 {
            writer.write(file.clone(), move || n.to_string());
        }
        writer.write(PathBuf::from("/dev/null/x"), String::new);
        drop(writer);
        assert_eq!(fs::read_to_string(&file).expect("a file"), "19");
        let results: Vec<bool> = results.iter().collect();
        assert_eq!((results.len(), results.iter().filter(|ok| !**ok).count()), (21, 1));
        assert_eq!(fs::read_dir(file.parent().expect("a folder")).expect("entries").count(), 1);
    }
}
