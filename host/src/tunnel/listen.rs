//! The port here. Only programs of this machine reach it, but all of them.

use super::error::TunnelError;
use std::net::{Ipv4Addr, TcpListener};

/// Listens on the loopback address: on `wanted`, or else on the port that it has on the box, if that is free, or any.
pub fn listen(wanted: Option<u16>, there: u16) -> Result<TcpListener, TunnelError> {
    let on = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let (listener, port) = match wanted {
        Some(port) => (on(port), port),
        None => (on(there).or_else(|_| on(0)), there),
    };
    listener.map_err(|source| TunnelError::Listen { port, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_port_is_taken_if_it_is_free_and_a_wanted_one_or_none() {
        let taken = listen(None, 0).expect("any");
        let port = taken.local_addr().expect("an address").port();
        let other = listen(None, port).expect("another");
        assert_ne!(other.local_addr().expect("an address").port(), port);
        assert!(matches!(listen(Some(port), 1), Err(TunnelError::Listen { .. })));
        drop(taken);
        let same = listen(None, port).expect("that");
        assert_eq!(same.local_addr().expect("an address").port(), port);
    }
}
