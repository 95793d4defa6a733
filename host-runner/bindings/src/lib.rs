//! The component's imports and exports as Rust types.
//!
//! They live in a crate of their own because the generated code is slow to
//! compile and almost never changes: the host itself rebuilds in a fraction of
//! the time without it.

/// One open connection as the component sees it.
///
/// The host keeps the real connections; what belongs to the component's handle
/// is only what SQLite would answer about *its* last statement.
#[derive(Debug, Default)]
pub struct SqliteConnection {
    /// The rowid of the last INSERT made through this handle.
    pub last_insert_rowid: i64,
    /// The rows changed by the last INSERT, UPDATE or DELETE made through it.
    pub changes: u64,
}

/// What the component asks the host for: `spin:sqlite`, and `fermyon:spin`'s
/// variables and key-value store.
pub mod imports {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "coinop:host/imports",
        imports: {
            "spin:sqlite/sqlite.[method]connection.execute": async | trappable,
            default: trappable,
        },
        require_store_data_send: true,
        additional_derives: [PartialEq],
        with: {
            "spin:sqlite/sqlite.connection": crate::SqliteConnection,
        },
    });
}

/// The device controller: what the component exports beside HTTP.
///
/// Generated from the component's own WIT, so that there is one definition.
pub mod controller {
    wasmtime::component::bindgen!({
        path: "../../spin-app/wit",
        world: "coinop:device/device-controller",
        exports: { default: async },
        require_store_data_send: true,
    });
}

pub use controller::exports::coinop::device::controller as device;
pub use imports::fermyon::spin::{key_value, variables};
pub use imports::spin::sqlite::sqlite;
