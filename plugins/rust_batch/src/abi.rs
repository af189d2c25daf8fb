//! The plugin ABI, version 0, as `tasker/abi.h` has it: the same members in the same order. What they mean, on which thread a
//! function is called and how long what it hands out lives is said there.

use std::os::raw::{c_char, c_void};

pub const MAJOR: u16 = 0;
pub const MINOR: u16 = 1;

pub const OK: i32 = 0;
pub const E_PANIC: i32 = -8;
pub const E_LEASE_LOST: i32 = -9;
pub const E_CANCELLED: i32 = -6;

pub const KIND_STEP: u32 = 1;
pub const KIND_BATCH_ANALYZER: u32 = 3;
pub const KIND_BATCH_WORKER: u32 = 4;
pub const THREADS_REENTRANT: u32 = 1;
pub const CAP_IDEMPOTENT: u64 = 1;
pub const CAP_CANCELLABLE: u64 = 1 << 2;
pub const CAP_CPU_HEAVY: u64 = 1 << 4;
pub const STOP_NONE: i32 = 0;
pub const STOP_LEASE_LOST: i32 = 4;
pub const STEP_NO_OP: u32 = 1 << 3;
pub const RETRY_YES: u32 = 1;
pub const RETRY_NO: u32 = 2;
pub const LOG_INFO: i32 = 2;

/// Borrowed UTF-8 without an end mark.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const c_char,
    pub len: usize,
}

impl Str {
    pub const fn of(text: &str) -> Str {
        Str { ptr: text.as_ptr() as *const c_char, len: text.len() }
    }
}

#[repr(C)]
pub struct Kv {
    pub key: Str,
    pub value: Str,
}

/// A running step: the host's, only passed on.
#[repr(C)]
pub struct Call {
    _private: [u8; 0],
}

#[repr(C)]
pub struct Failure {
    pub struct_size: u32,
    pub retryable: u32,
    pub message: Str,
    pub error_type: Str,
    pub error_code: Str,
    pub context_json: Str,
    pub retry_after_ms: u64,
    pub headers_json: Str,
}

#[repr(C)]
pub struct Checkpoint {
    pub struct_size: u32,
    pub reserved0: u32,
    pub cursor_json: Str,
    pub accumulated_json: Str,
    pub items_processed: u64,
}

#[repr(C)]
pub struct CallApi {
    pub struct_size: u32,
    pub reserved0: u32,
    pub succeed: unsafe extern "C" fn(*mut Call, *const c_char, usize) -> i32,
    pub fail: unsafe extern "C" fn(*mut Call, *const Failure) -> i32,
    pub decide: unsafe extern "C" fn(*mut Call, *const Str, usize, *const c_char, usize) -> i32,
    pub create_batches: unsafe extern "C" fn(*mut Call, *const c_char, *const Str, usize, *const c_char, usize) -> i32,
    pub yield_checkpoint: unsafe extern "C" fn(*mut Call, *const Checkpoint) -> i32,
    pub get: unsafe extern "C" fn(*mut Call, *const c_char, *mut Str) -> i32,
    pub set_metadata: unsafe extern "C" fn(*mut Call, *const c_char, *const c_char, usize) -> i32,
    pub emit_event: unsafe extern "C" fn(*mut Call, *const c_char, *const c_char, usize) -> i32,
    pub stop_requested: unsafe extern "C" fn(*mut Call) -> i32,
    pub remaining_ms: unsafe extern "C" fn(*mut Call) -> i64,
    pub heartbeat: unsafe extern "C" fn(*mut Call, u64, u64) -> i32,
    pub save_checkpoint: unsafe extern "C" fn(*mut Call, *const Checkpoint) -> i32,
    pub log: unsafe extern "C" fn(*mut Call, i32, *const c_char, usize, *const Kv, usize),
}

#[repr(C)]
pub struct Step {
    pub struct_size: u32,
    pub attempt: u32,
    pub max_attempts: u32,
    pub flags: u32,
    pub event_id: Str,
    pub step_uuid: Str,
    pub task_uuid: Str,
    pub correlation_id: Str,
    pub parent_correlation_id: Str,
    pub traceparent: Str,
    pub namespace: Str,
    pub task_name: Str,
    pub task_version: Str,
    pub step_name: Str,
    pub template_step_name: Str,
    pub callable: Str,
    pub method: Str,
    pub idempotency_key: Str,
    pub context_json: Str,
    pub inputs_json: Str,
    pub config_json: Str,
    pub batch_json: Str,
    pub checkpoint_json: Str,
    pub deadline_unix_ms: i64,
    pub api: *const CallApi,
}

/// Of the host only what this plugin looks at: it begins like this.
#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
}

#[repr(C)]
pub struct Handler {
    pub struct_size: u32,
    pub kind: u32,
    pub threads: u32,
    pub max_instances: u32,
    pub capabilities: u64,
    pub callable: *const c_char,
    pub version: *const c_char,
    pub summary: *const c_char,
    pub methods: *const *const c_char,
    pub method_count: usize,
    pub config_schema_json: *const c_char,
    pub input_schema_json: *const c_char,
    pub result_schema_json: *const c_char,
    pub user: *const c_void,
    pub create: Option<unsafe extern "C" fn(*const Handler, *const c_void, *mut *mut c_void) -> i32>,
    pub call: Option<unsafe extern "C" fn(*mut c_void, *const Step, *mut Call) -> i32>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

#[repr(C)]
pub struct Plugin {
    pub struct_size: u32,
    pub abi_major: u16,
    pub abi_minor: u16,
    pub min_host_minor: u16,
    pub reserved0: u16,
    pub reserved1: u32,
    pub id: *const c_char,
    pub name: *const c_char,
    pub version: *const c_char,
    pub vendor: *const c_char,
    pub license: *const c_char,
    pub sdk: *const c_char,
    pub handler_count: usize,
    pub handlers: *const *const Handler,
    pub init: *const c_void,
    pub shutdown: *const c_void,
    pub get_extension: *const c_void,
}

// They hold pointers to constants only.
unsafe impl Sync for Handler {}
unsafe impl Sync for Plugin {}

/// An ELF note, as the host reads it without running the plugin. `T` is a multiple of four bytes.
#[repr(C, align(4))]
pub struct Note<T> {
    pub name_size: u32,
    pub desc_size: u32,
    pub kind: u32,
    pub name: [u8; 8],
    pub desc: T,
}

pub const NOTE_ABI: u32 = 1;
pub const NOTE_MANIFEST: u32 = 2;

impl<T> Note<T> {
    pub const fn new(kind: u32, desc_size: u32, desc: T) -> Note<T> {
        Note { name_size: 7, desc_size, kind, name: *b"TASKER\0\0", desc }
    }
}

/// A text, filled up with zeros.
pub const fn padded<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0u8; N];
    let mut at = 0;
    while at < bytes.len() {
        out[at] = bytes[at];
        at += 1;
    }
    out
}

// The sizes that abi.h freezes: a member that is missing here does not build.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(std::mem::size_of::<Str>() == 16);
    assert!(std::mem::size_of::<Kv>() == 32);
    assert!(std::mem::size_of::<Failure>() == 96);
    assert!(std::mem::size_of::<Checkpoint>() == 48);
    assert!(std::mem::size_of::<CallApi>() == 112);
    assert!(std::mem::size_of::<Step>() == 336);
    assert!(std::mem::size_of::<Handler>() == 120);
    assert!(std::mem::size_of::<Plugin>() == 104);
};
