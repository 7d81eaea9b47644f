//! The app's side of the platform: questions to it, requests for it, and the files it has named.

use crate::platform::{FileRef, KnownSession, Platform, PlatformRequest};
use slowgrad_session::{Session, UsedFile};

/// The platform and the requests that it has not taken yet.
pub(crate) struct PlatformQueue {
    platform: Box<dyn Platform>,
    requests: Vec<PlatformRequest>,
    /// The file that the session is saved to.
    session_file: Option<FileRef>,
    /// The title that the window has.
    title: String,
    /// Whether the user has agreed to close the window.
    closing: bool,
}

impl PlatformQueue {
    pub(super) fn new(platform: impl Platform + 'static) -> Self {
        Self {
            platform: Box::new(platform),
            requests: Vec::new(),
            session_file: None,
            title: String::new(),
            closing: false,
        }
    }

    /// Replaces the platform's view of files when another lesson is opened.
    pub(super) fn start_session(&mut self, platform: impl Platform + 'static, session_file: Option<FileRef>) {
        self.platform = Box::new(platform);
        self.session_file = session_file;
    }

    pub(crate) fn platform(&self) -> &dyn Platform {
        self.platform.as_ref()
    }

    pub(crate) fn platform_mut(&mut self) -> &mut dyn Platform {
        self.platform.as_mut()
    }

    pub(crate) fn request(&mut self, request: PlatformRequest) {
        self.requests.push(request);
    }

    pub(super) fn take_requests(&mut self) -> Vec<PlatformRequest> {
        std::mem::take(&mut self.requests)
    }

    pub(crate) fn known_sessions(&self) -> Vec<KnownSession> {
        self.platform.known_sessions()
    }

    pub(crate) fn session_file(&self) -> Option<&FileRef> {
        self.session_file.as_ref()
    }

    pub(super) fn set_session_file(&mut self, file: FileRef) {
        self.session_file = Some(file);
    }

    /// The file to suggest for saving the session: the current one, or one that the platform derives from the lesson.
    pub(crate) fn suggested_session(&self, session: &Session) -> FileRef {
        let lesson = session.snapshot.as_ref().and_then(|snapshot| snapshot.files.first());
        let suggested = |lesson: &UsedFile| self.platform.suggested_session(&lesson.root, &lesson.path);
        self.session_file.clone().or_else(|| lesson.map(suggested)).unwrap_or_default()
    }

    pub(crate) fn close_window(&mut self) {
        self.closing = true;
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// The window title when it has changed.
    pub(super) fn new_title(&mut self, session: &Session) -> Option<String> {
        let lesson = session.snapshot.as_ref()?.lesson.as_ref()?;
        let title = format!("{} · slowgrad", lesson.title);
        (title != self.title).then(|| {
            self.title.clone_from(&title);
            title
        })
    }
}
