//! Records as rows: the only place that knows the columns.

use std::str::FromStr;

use peerhall_auth::key::{AppRecord, KeyId, KeyRecord, Secret};
use peerhall_proto::ids::AppId;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::seal::MasterKey;
use super::super::{AuditAction, AuditEntry, Revision, ServerSecret, Stamp, StoreError, Usage};

type Stored<T> = Result<T, StoreError>;

pub(super) fn revision(connection: &Connection) -> Stored<Revision> {
    let number = connection.query_row("SELECT number FROM revision", (), |row| row.get(0))?;
    Ok(Revision(unsigned("number", number)?))
}

pub(super) fn apps(connection: &Connection) -> Stored<Vec<AppRecord>> {
    let mut statement = connection.prepare_cached("SELECT * FROM apps ORDER BY id")?;
    let mut rows = statement.query(())?;
    let mut apps = Vec::new();
    while let Some(row) = rows.next()? {
        apps.push(read_app(row)?);
    }
    Ok(apps)
}

pub(super) fn app(connection: &Connection, id: &AppId) -> Stored<Option<AppRecord>> {
    let mut statement = connection.prepare_cached("SELECT * FROM apps WHERE id = ?1")?;
    let mut rows = statement.query((id.as_str(),))?;
    rows.next()?.map(read_app).transpose()
}

pub(super) fn put_app(connection: &Connection, app: &AppRecord) -> Stored<()> {
    connection
        .prepare_cached(
            "INSERT INTO apps (id, suspended, plan_name, max_connections, max_messages_per_period, overages)
             VALUES (:id, :suspended, :plan_name, :max_connections, :max_messages, :overages)
             ON CONFLICT (id) DO UPDATE SET
                 suspended = excluded.suspended,
                 plan_name = excluded.plan_name,
                 max_connections = excluded.max_connections,
                 max_messages_per_period = excluded.max_messages_per_period,
                 overages = excluded.overages",
        )?
        .execute(named_params! {
            ":id": app.id.as_str(),
            ":suspended": app.suspended,
            ":plan_name": app.plan_name,
            ":max_connections": app.max_connections,
            ":max_messages": app.max_messages_per_period.map(signed),
            ":overages": app.overages,
        })?;
    Ok(())
}

fn read_app(row: &Row<'_>) -> Stored<AppRecord> {
    let quota: Option<i64> = row.get("max_messages_per_period")?;
    Ok(AppRecord {
        id: text(row, "id")?,
        suspended: row.get("suspended")?,
        plan_name: row.get("plan_name")?,
        max_connections: row.get("max_connections")?,
        max_messages_per_period: quota
            .map(|number| unsigned("max_messages_per_period", number))
            .transpose()?,
        overages: row.get("overages")?,
    })
}

pub(super) fn keys(connection: &Connection, master_key: &MasterKey) -> Stored<Vec<KeyRecord>> {
    let mut statement = connection.prepare_cached("SELECT * FROM keys ORDER BY created_at, id")?;
    let mut rows = statement.query(())?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(read_key(row, master_key)?);
    }
    Ok(keys)
}

pub(super) fn key(connection: &Connection, id: &KeyId, master_key: &MasterKey) -> Stored<Option<KeyRecord>> {
    let mut statement = connection.prepare_cached("SELECT * FROM keys WHERE id = ?1")?;
    let mut rows = statement.query((id.as_str(),))?;
    rows.next()?.map(|row| read_key(row, master_key)).transpose()
}

pub(super) fn live_keys(connection: &Connection, app: &AppId) -> Stored<usize> {
    let count: u32 = connection
        .prepare_cached("SELECT count(*) FROM keys WHERE app = ?1 AND revoked_at IS NULL")?
        .query_row((app.as_str(),), |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Adds a key, or replaces what may change in one: id, app, secret and time of creation stay.
pub(super) fn put_key(connection: &Connection, key: &KeyRecord, master_key: &MasterKey) -> Stored<()> {
    let seal = |secret: &Secret| master_key.seal(&sealed_as_key(key.id.as_str()), secret.expose().as_bytes());
    connection
        .prepare_cached(
            "INSERT INTO keys (id, app, sealed_secret, patterns, actions, allowed_origins,
                 allow_missing_origin, inject_turn, name, created_at, revoked_at)
             VALUES (:id, :app, :sealed, :patterns, :actions, :origins,
                 :missing, :turn, :name, :created, :revoked)
             ON CONFLICT (id) DO UPDATE SET
                 patterns = excluded.patterns,
                 actions = excluded.actions,
                 allowed_origins = excluded.allowed_origins,
                 allow_missing_origin = excluded.allow_missing_origin,
                 inject_turn = excluded.inject_turn,
                 name = excluded.name,
                 revoked_at = excluded.revoked_at",
        )?
        .execute(named_params! {
            ":id": key.id.as_str(),
            ":app": key.app.as_str(),
            ":sealed": key.secret.as_ref().map(seal).transpose()?,
            ":patterns": json(&key.patterns)?,
            ":actions": json(&key.actions)?,
            ":origins": json(&key.allowed_origins)?,
            ":missing": key.allow_missing_origin,
            ":turn": key.inject_turn,
            ":name": key.name,
            ":created": signed(key.created_at),
            ":revoked": key.revoked_at.map(signed),
        })?;
    Ok(())
}

fn read_key(row: &Row<'_>, master_key: &MasterKey) -> Stored<KeyRecord> {
    let id: KeyId = text(row, "id")?;
    let sealed: Option<Vec<u8>> = row.get("sealed_secret")?;
    let secret = sealed.map(|sealed| unseal_key(master_key, &id, &sealed)).transpose()?;
    let revoked_at: Option<i64> = row.get("revoked_at")?;
    Ok(KeyRecord {
        id,
        app: text(row, "app")?,
        secret,
        patterns: list(row, "patterns")?,
        actions: list(row, "actions")?,
        allowed_origins: list(row, "allowed_origins")?,
        allow_missing_origin: row.get("allow_missing_origin")?,
        inject_turn: row.get("inject_turn")?,
        name: row.get("name")?,
        created_at: unsigned("created_at", row.get("created_at")?)?,
        revoked_at: revoked_at.map(|at| unsigned("revoked_at", at)).transpose()?,
    })
}

fn unseal_key(master_key: &MasterKey, id: &KeyId, sealed: &[u8]) -> Stored<Secret> {
    let bytes = master_key.open(&sealed_as_key(id.as_str()), sealed).ok();
    let secret = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|text| text.parse().ok());
    secret.ok_or_else(|| damaged(&format!("the secret of key {}", id.hint())))
}

pub(super) fn usage(connection: &Connection, app: &AppId, period_start: u64) -> Stored<Usage> {
    let columns: Option<[i64; 4]> = connection
        .prepare_cached(
            "SELECT messages, overage_messages, overage_connections, peak_concurrent
             FROM usage WHERE app = ?1 AND period_start = ?2",
        )?
        .query_row((app.as_str(), signed(period_start)), |row| {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        })
        .optional()?;
    let Some([messages, overage_messages, overage_connections, peak_concurrent]) = columns else {
        return Ok(Usage::default());
    };
    Ok(Usage {
        messages: unsigned("messages", messages)?,
        overage_messages: unsigned("overage_messages", overage_messages)?,
        overage_connections: unsigned("overage_connections", overage_connections)?,
        peak_concurrent: unsigned("peak_concurrent", peak_concurrent)?,
    })
}

pub(super) fn put_usage(
    connection: &Connection,
    app: &AppId,
    period_start: u64,
    usage: &Usage,
) -> Stored<()> {
    let columns = (
        app.as_str(),
        signed(period_start),
        signed(usage.messages),
        signed(usage.overage_messages),
        signed(usage.overage_connections),
        signed(usage.peak_concurrent),
    );
    connection
        .prepare_cached("INSERT OR REPLACE INTO usage VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(columns)?;
    Ok(())
}

pub(super) fn insert_audit(connection: &Connection, entry: &AuditEntry) -> Stored<()> {
    let AuditEntry { stamp, action, app, subject } = entry;
    connection
        .prepare_cached("INSERT INTO audit (at, who, action, app, subject) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((signed(stamp.at), &stamp.who, action.as_str(), app.as_str(), subject))?;
    Ok(())
}

pub(super) fn audit_trail(connection: &Connection, newest: u32) -> Stored<Vec<AuditEntry>> {
    let mut statement = connection.prepare_cached("SELECT * FROM audit ORDER BY id DESC LIMIT ?1")?;
    let mut rows = statement.query((newest,))?;
    let mut trail = Vec::new();
    while let Some(row) = rows.next()? {
        let word: String = row.get("action")?;
        let action = AuditAction::ALL.into_iter().find(|action| action.as_str() == word);
        trail.push(AuditEntry {
            stamp: Stamp { who: row.get("who")?, at: unsigned("at", row.get("at")?)? },
            action: action.ok_or_else(|| damaged("column action"))?,
            app: text(row, "app")?,
            subject: row.get("subject")?,
        });
    }
    Ok(trail)
}

pub(super) fn secret(
    connection: &Connection,
    name: &str,
    master_key: &MasterKey,
) -> Stored<Option<ServerSecret>> {
    let sealed: Option<Vec<u8>> = connection
        .prepare_cached("SELECT sealed FROM secrets WHERE name = ?1")?
        .query_row((name,), |row| row.get(0))
        .optional()?;
    let Some(sealed) = sealed else { return Ok(None) };
    let bytes = master_key.open(&sealed_as_secret(name), &sealed).ok();
    let secret = bytes.and_then(|bytes| bytes.try_into().ok()).map(ServerSecret);
    secret.map(Some).ok_or_else(|| damaged(&format!("the secret {name}")))
}

pub(super) fn insert_secret(
    connection: &Connection,
    name: &str,
    secret: &ServerSecret,
    master_key: &MasterKey,
) -> Stored<()> {
    let sealed = master_key.seal(&sealed_as_secret(name), secret.expose())?;
    connection.execute("INSERT INTO secrets (name, sealed) VALUES (?1, ?2)", (name, sealed))?;
    Ok(())
}

pub(super) fn seal_check(connection: &Connection) -> Stored<Option<Vec<u8>>> {
    Ok(connection.query_row("SELECT sealed FROM seal_check", (), |row| row.get(0)).optional()?)
}

pub(super) fn insert_seal_check(connection: &Connection, sealed: &[u8]) -> Stored<()> {
    connection.execute("INSERT INTO seal_check (id, sealed) VALUES (1, ?1)", (sealed,))?;
    Ok(())
}

/// The name under which the secret of a key is sealed. No secret of the server is sealed under it.
fn sealed_as_key(id: &str) -> String {
    format!("key:{id}")
}

fn sealed_as_secret(name: &str) -> String {
    format!("secret:{name}")
}

/// SQLite has signed numbers only. What does not fit is beyond any count and any time.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(column: &str, number: i64) -> Stored<u64> {
    u64::try_from(number).map_err(|_| damaged(&format!("column {column}")))
}

fn text<T: FromStr>(row: &Row<'_>, column: &str) -> Stored<T> {
    let value: String = row.get(column)?;
    value.parse().map_err(|_| damaged(&format!("column {column}")))
}

fn list<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Stored<T> {
    let value: String = row.get(column)?;
    serde_json::from_str(&value).map_err(|_| damaged(&format!("column {column}")))
}

fn json(list: &impl Serialize) -> Stored<String> {
    serde_json::to_string(list).map_err(|_| damaged("a list to be stored"))
}

fn damaged(what: &str) -> StoreError {
    StoreError::Corrupt { detail: format!("{what} cannot be read") }
}
