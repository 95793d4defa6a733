//! The service manager: what systemd calls `sd_notify`.

use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;

use super::message::Message;

/// The variables with which a service manager says how it wants to be told.
pub(super) const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// The way to the service manager. Without one it says nothing.
#[derive(Debug, Clone)]
pub(crate) struct Manager(Option<Arc<(UnixDatagram, SocketAddr)>>);

impl Manager {
    pub(super) fn from_environment() -> Self {
        let name = std::env::var("NOTIFY_SOCKET").unwrap_or_default();
        Self(open(&name).map(Arc::new))
    }

    pub(super) fn pass_on(&self, message: Message) {
        match message {
            Message::Beat => self.beat(),
            Message::Ready => self.say("READY=1"),
            Message::Stopping => self.say("STOPPING=1"),
            Message::Farewell => {}
        }
    }

    pub(super) fn beat(&self) {
        self.say("WATCHDOG=1");
    }

    fn say(&self, text: &str) {
        if let Some(to) = &self.0 {
            // A manager that does not listen is no reason to stop.
            let _ = to.0.send_to_addr(text.as_bytes(), &to.1);
        }
    }
}

fn open(name: &str) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.strip_prefix('@') {
        #[cfg(target_os = "linux")]
        Some(hidden) => {
            <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(hidden).ok()?
        }
        _ if name.starts_with('/') => SocketAddr::from_pathname(name).ok()?,
        _ => return None,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_told_by_a_path_or_a_hidden_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let hidden = format!("coinop-test-{}", std::process::id());
        let address =
            <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&hidden).unwrap();
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        for (socket, name) in [(by_path, path.to_str().unwrap().to_owned()), (by_name, format!("@{hidden}"))]
        {
            let manager = Manager(open(&name).map(Arc::new));
            for message in [Message::Ready, Message::Beat, Message::Farewell, Message::Stopping] {
                manager.pass_on(message);
            }
            let mut buffer = [0; 64];
            for expected in ["READY=1", "WATCHDOG=1", "STOPPING=1"] {
                let count = socket.recv(&mut buffer).unwrap();
                assert_eq!(&buffer[..count], expected.as_bytes());
            }
        }
        assert!(open("").is_none() && open("relative").is_none());
    }
}
