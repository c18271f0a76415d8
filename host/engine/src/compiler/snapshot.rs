//! A policy with its settings read, frozen: the memory after `configure` becomes the
//! memory that every decision begins with.

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Instance, Lift, WasmList};
use wasmtime_wizer::{ComponentContext, ComponentInstanceState, Wizer};

use crate::LoadError;
use crate::limits::ACCESSORS_BYTES;
use crate::sandbox::Sandbox;

/// A component to which functions were added that show its memory and globals.
pub(crate) struct Instrumented<'a> {
    wizer: Wizer,
    context: ComponentContext<'a>,
    /// The component to compile and run.
    pub(crate) component: Vec<u8>,
}

impl<'a> Instrumented<'a> {
    pub(crate) fn new(component: &'a [u8]) -> Result<Self, LoadError> {
        let mut wizer = Wizer::new();
        wizer.keep_init_func(true);
        let (context, component) = wizer
            .instrument_component(component)
            .map_err(|error| LoadError::Unsupported(format!("{error:#}")))?;
        Ok(Self { wizer, context, component })
    }

    /// The original component with the state of an instance of the instrumented one.
    ///
    /// # Errors
    /// Faults of a guest that are possible even here, such as having no memory left.
    pub(crate) fn snapshot(
        &self,
        store: &mut Store<Sandbox>,
        instance: Instance,
    ) -> wasmtime::Result<Vec<u8>> {
        // The whole memory crosses from the guest to the host; how large it can be
        // is bounded by the store's limiter.
        store.set_hostcall_fuel(usize::MAX);
        store.data_mut().allow_more_memory(ACCESSORS_BYTES);
        let mut state = State { store, instance, error: None };
        let snapshot = pollster::block_on(self.wizer.snapshot_component(&self.context, &mut state));
        match state.error {
            Some(error) => Err(error),
            None => snapshot,
        }
    }
}

/// Shows wizer the state of an instance. The trait has no way to say that something
/// failed, so the first error is kept and the snapshot thrown away.
struct State<'a> {
    store: &'a mut Store<Sandbox>,
    instance: Instance,
    error: Option<wasmtime::Error>,
}

impl State<'_> {
    fn call<R>(&mut self, interface: &str, function: &str) -> Option<R>
    where
        R: Lift + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        let result = self.try_call(interface, function);
        result.map_err(|error| self.error.get_or_insert(error)).ok()
    }

    fn try_call<R>(&mut self, interface: &str, function: &str) -> wasmtime::Result<R>
    where
        R: Lift + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        let missing = || wasmtime::format_err!("no {function} in {interface}");
        let store = &mut *self.store;
        let interface = self.instance.get_export_index(&mut *store, None, interface);
        let interface = interface.ok_or_else(missing)?;
        let index = self.instance.get_export_index(&mut *store, Some(&interface), function);
        let index = index.ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *store, index)?;
        Ok(function.call(&mut *store, ())?.0)
    }
}

impl ComponentInstanceState for State<'_> {
    async fn call_func_ret_list_u8(
        &mut self,
        interface: &str,
        function: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) {
        match self.call::<WasmList<u8>>(interface, function) {
            Some(memory) => contents(memory.as_le_slice(&*self.store)),
            None => contents(&[]),
        }
    }

    async fn call_func_ret_s32(&mut self, interface: &str, function: &str) -> i32 {
        self.call(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_s64(&mut self, interface: &str, function: &str) -> i64 {
        self.call(interface, function).unwrap_or_default()
    }

    async fn call_func_ret_f32(&mut self, interface: &str, function: &str) -> u32 {
        self.call::<f32>(interface, function).unwrap_or_default().to_bits()
    }

    async fn call_func_ret_f64(&mut self, interface: &str, function: &str) -> u64 {
        self.call::<f64>(interface, function).unwrap_or_default().to_bits()
    }
}
