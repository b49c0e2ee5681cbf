//! The choice of congestion controllers.

use std::sync::Arc;

use quinn_proto::congestion::{BbrConfig, ControllerFactory, CubicConfig, NewRenoConfig};

/// How a connection finds out how fast it may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Congestion {
    /// CUBIC (RFC 9438).
    #[default]
    Cubic,
    /// NewReno (RFC 9002 section 7).
    NewReno,
    /// BBR version 1, experimental. It draws the phase of its probing from the system's random
    /// source, so it is the one choice that a simulation cannot replay.
    Bbr,
}

impl Congestion {
    /// Makes controllers that start with `window` bytes.
    pub(crate) fn factory(self, window: u64) -> Arc<dyn ControllerFactory + Send + Sync> {
        match self {
            Congestion::Cubic => {
                let mut config = CubicConfig::default();
                config.initial_window(window);
                Arc::new(config)
            }
            Congestion::NewReno => {
                let mut config = NewRenoConfig::default();
                config.initial_window(window);
                Arc::new(config)
            }
            Congestion::Bbr => {
                let mut config = BbrConfig::default();
                config.initial_window(window);
                Arc::new(config)
            }
        }
    }
}
