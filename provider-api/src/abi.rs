//! The border between host and provider, frozen for the life of major version 1.
//!
//! The only code in the workspace that names `abi_stable`, so that it can be replaced.
//!
//! **Shape.** A provider exports one [`LibHeader`] whose root module is a
//! [`RootModule`]: plain `extern "C"` functions, one a hook, that take JSON and return a
//! [`Reply`]. The host hands over one [`HostTable`] before the first hook. No enum, `RResult` or
//! `ROption` crosses in a call (abi_stable's own header and constructor, which come before the first
//! one, hold one each). What these types look like never changes: `abi/layouts.txt` has all
//! of them. Growth happens in the JSON and, in either direction, behind a name:
//! [`RootModule::extension`] and [`HostTable::extension`]. `docs/reference/abi.md` has every offset.
//!
//! **Memory.** Bytes passed as a slice belong to the caller and are valid for the
//! call. A [`Reply`]'s body is freed by the side that made it, through the vtable inside it,
//! whichever side drops it.
//!
//! **Threads.** Hooks may be called from any thread; so may the host's callbacks, for
//! as long as a hook runs.
//!
//! **Panics** are caught on the provider's side ([`construct`] wraps every hook): one that
//! reached the border would end the process.

#![expect(
    clippy::must_use_candidate,
    clippy::expl_impl_clone_on_copy,
    reason = "the derive writes accessors and impls of its own"
)]
#![expect(
    unsafe_code,
    reason = "a header names a constructor of the right type; nothing else is unsafe"
)]

#[cfg(test)]
mod layouts;

pub use abi_stable::library::LibHeader;

use crate::host::{Host, connect as remember};
use crate::{Effect, Error, ErrorCode, Provider, trace};
use abi_stable::StableAbi;
use abi_stable::library::{
    AbiHeaderRef, CheckTypeLayout, LibraryError, ROOT_MODULE_LOADER_NAME, RootModuleResult,
};
use abi_stable::package_version_strings;
use abi_stable::prefix_type::PrefixTypeTrait;
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RSlice, RStr, RVec};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// [`Reply::status`]: the body is the hook's answer.
pub const STATUS_OK: u32 = 0;
/// [`Reply::status`]: the body is an [`Error`].
pub const STATUS_ERROR: u32 = 1;

/// The symbol that every provider exports: abi_stable's own name for a root module's header.
pub const SYMBOL: &str = ROOT_MODULE_LOADER_NAME;

/// The version of this interface.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a function returns.
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct Reply {
    /// [`STATUS_OK`] or [`STATUS_ERROR`].
    pub status: u32,
    /// JSON; an answer of [`HostTable::exec`] has bytes behind it.
    pub body: RVec<u8>,
}

impl Reply {
    fn ok(body: &impl Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(body) => Self { status: STATUS_OK, body: body.into() },
            Err(error) => Self::error(&internal(format!("the answer can't be encoded: {error}"))),
        }
    }

    fn error(error: &Error) -> Self {
        let body = serde_json::to_vec(error).unwrap_or_default();
        Self { status: STATUS_ERROR, body: body.into() }
    }
}

/// What the host offers. The first argument of each function is [`HostTable::context`].
#[repr(C)]
#[derive(Debug, StableAbi)]
pub struct HostTable {
    /// The host's own; handed back unchanged.
    pub context: usize,
    /// Level ([`crate::Level`]), target, message.
    pub log: extern "C" fn(usize, u32, RStr<'_>, RStr<'_>),
    /// One line for the user.
    pub progress: extern "C" fn(usize, RStr<'_>),
    /// JSON of a [`crate::payload::Checkpoint`]; durable when it returns.
    pub checkpoint: extern "C" fn(usize, RSlice<'_, u8>) -> Reply,
    /// Not zero: stop.
    pub cancelled: extern "C" fn(usize) -> u32,
    /// Runs external commands: a [`crate::exec::protocol::Request`], with bytes behind it; answers with a
    /// [`crate::exec::protocol::Reply`], with bytes behind it, or with a [`crate::exec::ExecError`].
    pub exec: extern "C" fn(usize, RSlice<'_, u8>) -> Reply,
    /// What a later host offers, by name; a name that it doesn't know is an [`Error`] of the code
    /// [`ErrorCode::Unsupported`].
    pub extension: extern "C" fn(usize, RStr<'_>, RSlice<'_, u8>) -> Reply,
}

/// The functions of a provider.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = RootModuleRef)))]
#[sabi(missing_field(panic))]
pub struct RootModule {
    /// Called once, before all others.
    pub connect: extern "C" fn(&'static HostTable),
    /// [`Provider::lease`].
    pub lease: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// [`Provider::resolve`].
    pub resolve: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// [`Provider::release`].
    pub release: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// [`Provider::doctor`].
    pub doctor: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// [`Provider::list`].
    pub list: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// [`Provider::extend`].
    pub extend: extern "C" fn(RSlice<'_, u8>) -> Reply,
    /// What comes later, by name.
    #[sabi(last_prefix_field)]
    pub extension: extern "C" fn(RStr<'_>, RSlice<'_, u8>) -> Reply,
}

impl abi_stable::library::RootModule for RootModuleRef {
    abi_stable::declare_root_module_statics! {RootModuleRef}
    const BASE_NAME: &'static str = "crabbox_provider";
    const NAME: &'static str = "crabbox provider";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// The header that [`crate::export_provider!`] exports for a provider.
#[must_use]
pub const fn header<P: Provider + 'static>() -> LibHeader {
    // SAFETY: `construct` returns a `RootModuleRef`, erased by abi_stable's own function for that.
    unsafe { LibHeader::from_constructor::<RootModuleRef>(construct::<P>, CheckTypeLayout::Yes) }
}

/// Makes the module of a provider.
pub extern "C" fn construct<P: Provider + 'static>() -> RootModuleResult {
    abi_stable::library::__call_root_module_loader(module::<P>)
}

fn module<P: Provider + 'static>() -> RootModuleRef {
    RootModule {
        connect,
        lease: lease::<P>,
        resolve: resolve::<P>,
        release: release::<P>,
        doctor: doctor::<P>,
        list: list::<P>,
        extend: extend::<P>,
        extension,
    }
    .leak_into_prefix()
}

extern "C" fn connect(table: &'static HostTable) {
    // Neither allocates anything that could fail but for want of memory.
    let _ = catch_unwind(|| {
        remember(table);
        trace::install();
    });
}

/// One `extern "C"` function for each hook.
macro_rules! hooks {
    ($($hook:ident)+) => {
        $(extern "C" fn $hook<P: Provider>(body: RSlice<'_, u8>) -> Reply {
            call(body.as_slice(), |request| P::default().$hook(request, &Host::new()))
        })+
    };
}

hooks!(lease resolve release doctor list extend);

extern "C" fn extension(name: RStr<'_>, _: RSlice<'_, u8>) -> Reply {
    let message = format!("this provider has no extension `{name}`");
    Reply::error(&Error::new(ErrorCode::Unsupported, message))
}

/// Decodes, calls, encodes; turns a panic into an error.
fn call<Request: DeserializeOwned, Answer: Serialize>(
    body: &[u8],
    hook: impl FnOnce(Request) -> Result<Answer, Error>,
) -> Reply {
    let result = catch_unwind(AssertUnwindSafe(|| {
        let request = serde_json::from_slice(body)
            .map_err(|error| internal(format!("the request can't be read: {error}")))?;
        hook(request)
    }));
    match result {
        Ok(Ok(answer)) => Reply::ok(&answer),
        Ok(Err(error)) => Reply::error(&error),
        Err(panic) => Reply::error(
            &internal(format!("it panicked: {}", text_of(panic.as_ref())))
                // Nobody knows how far it came.
                .effect(Effect::Maybe),
        ),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("for a reason that it doesn't say")
}

fn internal(message: String) -> Error {
    Error::new(ErrorCode::Internal, message)
}

/// The host's side: from an opened library's symbol to its functions.
#[derive(Clone, Copy)]
pub struct Loaded(RootModuleRef);

/// A library that isn't a provider of this interface.
#[derive(Debug, thiserror::Error)]
pub enum AbiError {
    /// Not made with abi_stable, or with another version of it.
    #[error("its header isn't one of this interface")]
    Header,
    /// It was built with the layout check switched off: nothing can be said of its types.
    #[error("it was built without a description of its types")]
    NoLayout,
    /// Another major version.
    #[error("it is for interface {found}, this crabbox has {VERSION}")]
    Version {
        /// Its interface version.
        found: String,
    },
    /// The types differ though the version says they shouldn't.
    #[error("its types aren't those of interface {VERSION}")]
    Layout,
    /// Its constructor failed.
    #[error("its constructor failed")]
    Constructor,
}

/// What the symbol [`SYMBOL`] holds.
pub type Header = AbiHeaderRef;

impl Loaded {
    /// Checks the header, then the version, then the layout, from simplest to richest.
    pub fn from_header(header: Header) -> Result<Self, AbiError> {
        let header = header.upgrade().map_err(|_| AbiError::Header)?;
        if header.layout().is_none() {
            return Err(AbiError::NoLayout);
        }
        let found = header.version_strings().version.to_string();
        let major = |version: &str| version.split('.').next().map(str::to_owned);
        if major(&found) != major(VERSION) {
            return Err(AbiError::Version { found });
        }
        header.init_root_module::<RootModuleRef>().map(Self).map_err(|error| match error {
            LibraryError::AbiInstability(_) => AbiError::Layout,
            LibraryError::IncompatibleVersionNumber { .. } => AbiError::Version { found },
            _ => AbiError::Constructor,
        })
    }

    /// Hands over the host's table.
    pub fn connect(&self, table: &'static HostTable) {
        self.0.connect()(table);
    }

    /// Calls a hook by its name. One that version 1.0 has no function for is an extension to the provider.
    #[must_use]
    pub fn call(&self, hook: &str, body: &[u8]) -> Reply {
        let function = match hook {
            "lease" => self.0.lease(),
            "resolve" => self.0.resolve(),
            "release" => self.0.release(),
            "doctor" => self.0.doctor(),
            "list" => self.0.list(),
            "extend" => self.0.extend(),
            other => return self.0.extension()(other.into(), body.into()),
        };
        function(body.into())
    }
}

/// For the host's callbacks: an answer made of bytes.
#[must_use]
pub fn reply(status: u32, body: Vec<u8>) -> Reply {
    Reply { status, body: body.into() }
}

/// Text that comes over the border.
pub type Text<'a> = RStr<'a>;
/// Bytes that come over the border.
pub type Bytes<'a> = RSlice<'a, u8>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exported_name_is_the_one_in_the_macro() {
        assert_eq!(SYMBOL, "_1as_0lib_1header_0root_bmodule_bloader");
    }

    #[test]
    fn a_panic_is_an_error() {
        let reply = call::<u32, u32>(b"1", |_| panic!("at the disco"));
        assert_eq!(reply.status, STATUS_ERROR);
        let error: Error = serde_json::from_slice(&reply.body).expect("an error");
        assert_eq!(error.message, "it panicked: at the disco");
        assert_eq!(error.effect, Effect::Maybe);
    }
}
