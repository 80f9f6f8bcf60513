//! A store that ends with the process: for `peerhall dev` and for tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peerhall_auth::key::{AppRecord, KeyId, KeyRecord};
use peerhall_proto::ids::AppId;
use peerhall_proto::limits::MAX_KEYS_PER_APP;

use super::{
    AppChange, AuditAction, AuditEntry, KeyChange, Missing, Revision, ServerSecret, Snapshot, Stamp, Store,
    StoreError, Usage,
};

/// Everything in memory. Clones share their content, as two processes share a data folder: one clone
/// goes to the server, another can change keys beside it, which is what the lock is for.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Content>>);

#[derive(Debug, Default)]
struct Content {
    revision: Revision,
    apps: BTreeMap<AppId, AppRecord>,
    keys: BTreeMap<KeyId, KeyRecord>,
    usage: BTreeMap<(AppId, u64), Usage>,
    audit: Vec<AuditEntry>,
    secrets: BTreeMap<String, ServerSecret>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Every change is a single insertion at the end of its checks, so a panic leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn changed(&mut self, stamp: &Stamp, action: AuditAction, app: &AppId, subject: String) {
        self.revision.0 += 1;
        self.audit.push(AuditEntry { stamp: stamp.clone(), action, app: app.clone(), subject });
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Snapshot, StoreError> {
        let content = self.content();
        let mut keys: Vec<KeyRecord> = content.keys.values().cloned().collect();
        keys.sort_by_key(|key| key.created_at);
        Ok(Snapshot { revision: content.revision, apps: content.apps.values().cloned().collect(), keys })
    }

    fn revision(&mut self) -> Result<Revision, StoreError> {
        Ok(self.content().revision)
    }

    fn create_app(&mut self, app: &AppRecord, stamp: &Stamp) -> Result<(), StoreError> {
        let mut content = self.content();
        if content.apps.contains_key(&app.id) {
            return Err(StoreError::AppExists(app.id.clone()));
        }
        content.apps.insert(app.id.clone(), app.clone());
        content.changed(stamp, AuditAction::AppCreate, &app.id, String::new());
        Ok(())
    }

    fn update_app(&mut self, id: &AppId, change: &AppChange, stamp: &Stamp) -> Result<AppRecord, StoreError> {
        let mut content = self.content();
        let app = content.apps.get_mut(id).ok_or_else(|| Missing::App(id.clone()))?;
        change.apply(app);
        let app = app.clone();
        content.changed(stamp, AuditAction::AppUpdate, id, String::new());
        Ok(app)
    }

    fn create_key(&mut self, key: &KeyRecord, stamp: &Stamp) -> Result<(), StoreError> {
        let mut content = self.content();
        if !content.apps.contains_key(&key.app) {
            return Err(Missing::App(key.app.clone()).into());
        }
        if content.keys.contains_key(&key.id) {
            return Err(StoreError::KeyExists(key.id.clone()));
        }
        let live = content.keys.values().filter(|other| other.app == key.app && !other.is_revoked()).count();
        if live >= MAX_KEYS_PER_APP {
            return Err(StoreError::TooManyKeys { app: key.app.clone(), limit: MAX_KEYS_PER_APP });
        }
        content.keys.insert(key.id.clone(), key.clone());
        content.changed(stamp, AuditAction::KeyCreate, &key.app, key.id.hint());
        Ok(())
    }

    fn update_key(&mut self, id: &KeyId, change: &KeyChange, stamp: &Stamp) -> Result<KeyRecord, StoreError> {
        let mut content = self.content();
        let key = content.keys.get_mut(id).ok_or_else(|| Missing::Key(id.clone()))?;
        change.apply(key);
        let key = key.clone();
        content.changed(stamp, AuditAction::KeyUpdate, &key.app, id.hint());
        Ok(key)
    }

    fn revoke_key(&mut self, id: &KeyId, stamp: &Stamp) -> Result<KeyRecord, StoreError> {
        let mut content = self.content();
        let key = content.keys.get_mut(id).ok_or_else(|| Missing::Key(id.clone()))?;
        if key.is_revoked() {
            return Ok(key.clone());
        }
        key.revoked_at = Some(stamp.at);
        let key = key.clone();
        content.changed(stamp, AuditAction::KeyRevoke, &key.app, id.hint());
        Ok(key)
    }

    fn add_usage(&mut self, period_start: u64, used: &[(AppId, Usage)]) -> Result<(), StoreError> {
        let mut content = self.content();
        for (app, more) in used {
            content.usage.entry((app.clone(), period_start)).or_default().absorb(more);
        }
        Ok(())
    }

    fn usage(&mut self, app: &AppId, period_start: u64) -> Result<Usage, StoreError> {
        Ok(self.content().usage.get(&(app.clone(), period_start)).copied().unwrap_or_default())
    }

    fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.content().audit.push(entry.clone());
        Ok(())
    }

    fn audit_trail(&mut self, newest: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let newest = usize::try_from(newest).unwrap_or(usize::MAX);
        Ok(self.content().audit.iter().rev().take(newest).cloned().collect())
    }

    fn secret(&mut self, name: &str) -> Result<ServerSecret, StoreError> {
        let mut content = self.content();
        if let Some(secret) = content.secrets.get(name) {
            return Ok(secret.clone());
        }
        let secret = ServerSecret::generate()?;
        content.secrets.insert(name.to_owned(), secret.clone());
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract;
    use super::*;

    contract::tests!(Fixture);

    #[derive(Default)]
    struct Fixture(MemoryStore);

    impl contract::Fixture for Fixture {
        fn open(&self) -> Box<dyn Store> {
            Box::new(self.0.clone())
        }
    }
}
