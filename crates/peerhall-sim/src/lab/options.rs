//! How a lab is set up.

use std::time::Duration;

use peerhall_hub::HubConfig;

use crate::network::Weather;
use crate::rtc::MediaTiming;
use crate::server::Setup;

/// How a lab is set up. Each method changes one thing.
#[derive(Debug, Clone)]
pub struct LabOptions {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    pub(crate) media: MediaTiming,
    pub(crate) setup: Setup,
    pub(crate) records: bool,
}

impl LabOptions {
    /// The usual world; the same seed gives the same run.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self {
            seed,
            weather: Weather::default(),
            media: MediaTiming::default(),
            setup: Setup {
                config: HubConfig::default(),
                resumes: true,
                remembers: true,
                max_connections: None,
                ice_servers: None,
                renewed_ice: None,
            },
            records: true,
        }
    }

    /// How long messages take between clients and server.
    #[must_use]
    pub fn weather(self, weather: Weather) -> Self {
        Self { weather, ..self }
    }

    /// How long things take on the way of media.
    #[must_use]
    pub fn media(self, media: MediaTiming) -> Self {
        Self { media, ..self }
    }

    /// The server's own settings.
    #[must_use]
    pub fn hub(mut self, config: HubConfig) -> Self {
        self.setup.config = config;
        self
    }

    /// Whether clients with a key may keep their id over a reconnect; a foreign server lets nobody.
    /// Default: yes.
    #[must_use]
    pub fn resumes(mut self, resumes: bool) -> Self {
        self.setup.resumes = resumes;
        self
    }

    /// Whether the server knows after a crash who was there. Default: yes.
    #[must_use]
    pub fn remembers(mut self, remembers: bool) -> Self {
        self.setup.remembers = remembers;
        self
    }

    /// Most connections that the server takes. Default: no limit.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.setup.max_connections = Some(connections);
        self
    }

    /// `iceServers` of every welcome, as JSON. Default: none.
    #[must_use]
    pub fn ice_servers(mut self, json: &str) -> Self {
        self.setup.ice_servers = Some(json.to_owned());
        self
    }

    /// `iceServers` that our clients get so long after each welcome or list, as JSON. Default: none.
    #[must_use]
    pub fn renewed_ice_servers(mut self, after: Duration, json: &str) -> Self {
        self.setup.renewed_ice = Some((after, json.to_owned()));
        self
    }

    /// Whether what everybody sees is kept to be looked at. Default: yes.
    #[must_use]
    pub fn records(self, records: bool) -> Self {
        Self { records, ..self }
    }
}
