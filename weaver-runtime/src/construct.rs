//! How an implementation is made: [`Construct`], the fields that can be filled ([`Inject`]), and the
//! hooks around its life ([`Lifecycle`]).

use std::{any::Any, fmt, future::Future, marker::PhantomData, sync::Arc};

use crate::{
    app::App,
    carried::unchecked,
    client::{Client, Transport},
    component::{BoxFuture, Component, ComponentSpec, Dispatch},
    config::{ConfigError, ConfigFile},
    error::{Error, Failure, Result},
    listener::Listener,
    message::Message,
    reference::Ref,
};

/// What an implementation does when it starts and stops. Optional.
///
/// ```
/// # use weaver_runtime::{Lifecycle, Result};
/// #[derive(Default)]
/// struct Store {
///     entries: Vec<String>,
/// }
///
/// impl Lifecycle for Store {
///     async fn init(&mut self) -> Result<()> {
///         self.entries.push("first".to_owned());
///         Ok(())
///     }
/// }
/// ```
pub trait Lifecycle {
    /// Runs after the fields are filled, dependencies included, and before the first call.
    ///
    /// # Errors
    /// An error is shown in status and answered to callers as `InitFailed`; the component is built
    /// anew after a pause that grows with each failure. A panic counts as an error.
    fn init(&mut self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Runs before the process stops on purpose, in reverse order of dependency: when its deployment ends, or when
    /// `main` returns. A signal that a program on its own does not handle ends it without.
    ///
    /// # Errors
    /// An error is logged; it does not keep the process from stopping.
    fn shutdown(&self) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }
}

/// How an implementation is made: by `Default`, or by `#[derive(weaver::Component)]`.
///
/// A type that has both is refused by the compiler (conflicting implementations): derive
/// `weaver::Component` alone; it fills fields that are neither `Ref`, `Listener` nor `Config` by
/// `Default`.
#[diagnostic::on_unimplemented(
    message = "weaver does not know how to make a `{Self}`",
    label = "implements neither `Default` nor `weaver::Component`",
    note = "write `#[derive(Default)]`, or `#[derive(weaver::Component)]` to have its fields filled"
)]
pub trait Construct: Sized + 'static {
    /// What the fields ask for.
    fn fields() -> Vec<FieldSpec>;

    /// Makes one.
    ///
    /// # Errors
    /// The first field that cannot be filled.
    fn construct(fields: &Fields<'_>) -> Result<Self>;
}

#[diagnostic::do_not_recommend]
impl<T: Default + 'static> Construct for T {
    fn fields() -> Vec<FieldSpec> {
        Vec::new()
    }

    fn construct(_: &Fields<'_>) -> Result<Self> {
        Ok(Self::default())
    }
}

/// What threads can share, as every component can. `Send` and `Sync` would say less, and each for itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot implement a component",
    label = "not `Send` and `Sync`, because of something in it",
    note = "one `{Self}` serves many callers at once, on several threads: write `Arc` in place of `Rc`, `Mutex` \
            or `RwLock` in place of `RefCell`, and an atomic in place of `Cell`"
)]
pub trait Shareable {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync> Shareable for T {}

/// Demands that threads can share `T`.
///
/// The length of an array in a where clause of the author's `impl`: where this does not compile, the compiler
/// does not compare the `impl` with the trait, of which `Send` and `Sync` are supertraits.
#[must_use]
pub const fn shareable<T: Shareable>() -> usize {
    0
}

/// What a field asks for: part of the program's graph.
#[derive(Clone, Copy, Debug)]
pub enum FieldSpec {
    /// `Ref<dyn T>`.
    Reference(&'static ComponentSpec),
    /// `Listener`, by the field's name.
    Listener(&'static str),
    /// `Config<C>`: the component's own section, and what tells whether it fits `C`.
    Config(fn(&ConfigFile, component: &str) -> Result<(), ConfigError>),
}

/// What a node offers to the implementations that it makes.
pub trait Provider: Send + Sync {
    /// Where calls to a component go.
    ///
    /// # Errors
    /// The component has no implementation in this program, or it could not be built.
    fn component(&self, spec: &'static ComponentSpec) -> Result<Provided>;

    /// The listener of this name, bound.
    ///
    /// # Errors
    /// The address is in use, or the listener was taken already.
    fn listener(&self, name: &'static str) -> Result<Listener>;

    /// The configuration.
    fn config(&self) -> &ConfigFile;

    /// The running program.
    fn app(&self) -> App;
}

/// Where calls to a component go.
pub enum Provided {
    /// An `Arc<C>` in this process.
    Here(Box<dyn Any + Send + Sync>),
    /// Through a transport.
    Elsewhere(Arc<dyn Transport>),
}

impl fmt::Debug for Provided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here",
            Self::Elsewhere(_) => "Elsewhere",
        })
    }
}

impl Provided {
    /// The reference, whichever of the two it is.
    ///
    /// # Errors
    /// Two components have the same name; start refuses such a program before this can happen.
    pub fn into_ref<C: Component + ?Sized>(self) -> Result<Ref<C>> {
        match self {
            Self::Elsewhere(transport) => Ok(C::from_client(Client::new(transport)).into()),
            Self::Here(instance) => match instance.downcast::<Arc<C>>() {
                Ok(instance) => Ok((*instance).into()),
                Err(_) => Err(Error::msg(format_args!(
                    "`{}` is the name of two components",
                    C::SPEC.name
                ))),
            },
        }
    }
}

/// The fields of one implementation, or the arguments of `main`, while they are filled.
pub struct Fields<'a> {
    /// Who fills them.
    pub provider: &'a dyn Provider,
    /// The component whose fields they are; `main` for the arguments of `main`.
    pub component: &'static str,
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fields({})", self.component)
    }
}

/// A type that weaver can put into a field, or into an argument of `main`.
#[diagnostic::on_unimplemented(
    message = "weaver cannot provide a `{Self}`",
    label = "expected `App`, `Ref<dyn Trait>`, `Listener` or `Config<C>`"
)]
pub trait Inject: Sized {
    /// What the field asks for; `None` when that is no part of the graph.
    fn spec(field: &'static str) -> Option<FieldSpec>;

    /// Fills the field.
    ///
    /// # Errors
    /// What it asks for is not to be had.
    fn inject(fields: &Fields<'_>, field: &'static str) -> Result<Self>;
}

impl<C: Component + ?Sized> Inject for Ref<C> {
    fn spec(_: &'static str) -> Option<FieldSpec> {
        Some(FieldSpec::Reference(C::SPEC))
    }

    fn inject(fields: &Fields<'_>, _: &'static str) -> Result<Self> {
        fields.provider.component(C::SPEC)?.into_ref()
    }
}

impl Inject for Listener {
    fn spec(field: &'static str) -> Option<FieldSpec> {
        Some(FieldSpec::Listener(field))
    }

    fn inject(fields: &Fields<'_>, field: &'static str) -> Result<Self> {
        fields.provider.listener(field)
    }
}

/// Is there so that `#[derive(Default)]` around a `Listener` is told what to write.
#[doc(hidden)]
impl Default for Listener
where
    for<'a> Of<&'a ()>: Unbound,
{
    fn default() -> Self {
        Of::<&()>::unbound()
    }
}

/// Bounds that nothing meets are an error unless they depend on something.
#[derive(Debug)]
pub struct Of<T>(PhantomData<T>);

/// What nothing is.
#[diagnostic::on_unimplemented(
    message = "a `weaver::Listener` has no `Default`: weaver fills it",
    label = "a port that is bound at the start",
    note = "write `#[derive(weaver::Component)]` in place of `#[derive(Default)]`"
)]
pub trait Unbound {
    /// A listener on no port.
    fn unbound() -> Listener;
}

impl Inject for App {
    fn spec(_: &'static str) -> Option<FieldSpec> {
        None
    }

    fn inject(fields: &Fields<'_>, _: &'static str) -> Result<Self> {
        Ok(fields.provider.app())
    }
}

/// Chooses for a field of type `T` between [`Inject`] and `Default` by the type, not by its
/// spelling: the functions here win where `T: Inject`, else those of [`DefaultField`] are found.
#[derive(Debug)]
pub struct Field<T>(PhantomData<T>);

impl<T: Inject> Field<T> {
    /// See [`Inject::spec`].
    #[must_use]
    pub fn spec(field: &'static str) -> Option<FieldSpec> {
        T::spec(field)
    }

    /// See [`Inject::inject`].
    ///
    /// # Errors
    /// What the field asks for is not to be had.
    pub fn fill(fields: &Fields<'_>, field: &'static str) -> Result<T> {
        T::inject(fields, field)
    }
}

impl<T: Inject> Field<Option<T>> {
    /// Such a field is no part of the graph.
    #[must_use]
    pub fn spec(_: &'static str) -> Option<FieldSpec> {
        None
    }

    /// It would be `None` for ever.
    ///
    /// # Errors
    /// Never.
    pub fn fill(_: &Fields<'_>, _: &'static str) -> Result<Option<T>>
    where
        T: Optional,
    {
        Ok(None)
    }
}

impl<T: Inject> Field<Vec<T>> {
    /// Such a field is no part of the graph.
    #[must_use]
    pub fn spec(_: &'static str) -> Option<FieldSpec> {
        None
    }

    /// It would be empty for ever.
    ///
    /// # Errors
    /// Never.
    pub fn fill(_: &Fields<'_>, _: &'static str) -> Result<Vec<T>>
    where
        T: Several,
    {
        Ok(Vec::new())
    }
}

/// What a field may have several of. Nothing is: there would be none by `Default`, without a word.
#[diagnostic::on_unimplemented(
    message = "weaver does not fill a field of type `Vec<{Self}>`",
    label = "it would be left empty",
    note = "a component has one implementation: write a field for each component"
)]
pub trait Several {}

/// What a field may lack. Nothing is: it would be `None` by `Default`, without a word.
#[diagnostic::on_unimplemented(
    message = "weaver does not fill a field of type `Option<{Self}>`",
    label = "it would be left at `None`",
    note = "write it without `Option`: what a field asks for is there before its component starts, or the program \
            does not start; one that `weaver::Lifecycle::init` sets is a `std::sync::OnceLock`"
)]
pub trait Optional {}

/// The other half of [`Field`]: fields of any other type are `Default`.
pub trait DefaultField {
    /// The field's type.
    type Value;

    /// Such a field is no part of the graph.
    #[must_use]
    fn spec(_: &'static str) -> Option<FieldSpec> {
        None
    }

    /// The default value.
    ///
    /// # Errors
    /// Never.
    fn fill(_: &Fields<'_>, _: &'static str) -> Result<Self::Value>
    where
        Self::Value: FieldDefault,
    {
        Ok(FieldDefault::value())
    }
}

impl<T> DefaultField for Field<T> {
    type Value = T;
}

/// The type of a field that is filled by `Default`. (`Default` itself could not say the rest.)
#[diagnostic::on_unimplemented(
    message = "weaver cannot fill a field of type `{Self}`",
    label = "neither `Ref` of a component, `Listener`, `Config` of a `Deserialize` type, nor `Default`",
    note = "write `weaver::Ref<dyn Trait>` for a component, with `#[component]` on `Trait`, `#[derive(Default)]` on a type of your own, and \
            `Option<…>` where only `weaver::Lifecycle::init` can make the value"
)]
pub trait FieldDefault: Sized {
    /// The default value.
    fn value() -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: Default> FieldDefault for T {
    fn value() -> Self {
        Self::default()
    }
}

/// The hooks of an implementation of type `T`, whether or not it has a [`Lifecycle`].
pub struct Hooks<T> {
    init: for<'a> fn(&'a mut T) -> BoxFuture<'a, Result<()>>,
    shutdown: for<'a> fn(&'a T) -> BoxFuture<'a, Result<()>>,
}

impl<T> fmt::Debug for Hooks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// Finds the hooks of `T` in the same way as [`Field`] does.
#[derive(Debug)]
pub struct HooksOf<T>(PhantomData<T>);

impl<T: Lifecycle> HooksOf<T> {
    /// The author's hooks.
    #[must_use]
    pub fn hooks() -> Hooks<T> {
        Hooks { init: |it| Box::pin(it.init()), shutdown: |it| Box::pin(it.shutdown()) }
    }
}

/// The other half of [`HooksOf`].
pub trait NoLifecycle {
    /// The implementation.
    type Implementation;

    /// Hooks that do nothing.
    #[must_use]
    fn hooks() -> Hooks<Self::Implementation> {
        Hooks {
            init: |_| Box::pin(std::future::ready(Ok(()))),
            shutdown: |_| Box::pin(std::future::ready(Ok(()))),
        }
    }
}

impl<T> NoLifecycle for HooksOf<T> {
    type Implementation = T;
}

/// One implementation in the program, registered by `#[component]` on its `impl`.
#[derive(Debug)]
pub struct Implementation {
    /// The component that it implements.
    pub component: &'static ComponentSpec,
    /// The implementing type as the author wrote it.
    pub type_name: &'static str,
    /// The module of the `impl`; its first segment is the crate.
    pub module: &'static str,
    /// Where the `impl` is: `file:line`.
    pub location: &'static str,
    /// What its fields ask for.
    pub fields: fn() -> Vec<FieldSpec>,
    /// Makes one and runs its `init`.
    pub build: for<'a> fn(&'a Fields<'a>) -> BoxFuture<'a, Result<Instance>>,
}

inventory::collect!(Implementation);

/// An implementation that was built and whose `init` succeeded.
pub struct Instance {
    /// The `Arc<C>`, for references in this process.
    reference: Box<dyn Fn() -> Box<dyn Any + Send + Sync> + Send + Sync>,
    /// The same, for calls from elsewhere.
    pub dispatch: Arc<dyn Dispatch>,
    shutdown: Box<dyn Fn() -> BoxFuture<'static, Result<()>> + Send + Sync>,
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Instance")
    }
}

impl Instance {
    /// A reference to it in this process.
    #[must_use]
    pub fn provide(&self) -> Provided {
        Provided::Here((self.reference)())
    }

    /// Runs its `shutdown`.
    ///
    /// # Errors
    /// The author's.
    pub async fn shutdown(&self) -> Result<()> {
        (self.shutdown)().await
    }
}

/// A component that lives in this process.
#[derive(Debug)]
pub(crate) struct Local<C: ?Sized>(pub(crate) Arc<C>);

impl<C: Component + ?Sized> Dispatch for Local<C> {
    fn dispatch(&self, method: u16, arguments: Message) -> BoxFuture<'_, Result<Message, Failure>> {
        self.0.dispatch(method, arguments)
    }
}

/// Makes a `T` that is kept as the component `C`, if it can be; that it can is demanded elsewhere, by
/// [`shareable`] and where [`Construct::fields`] is named.
#[derive(Debug)]
pub struct InstanceOf<C: ?Sized, T>(PhantomData<fn() -> T>, PhantomData<fn() -> Box<C>>);

impl<C: Component + ?Sized, T: Construct + Send + Sync> InstanceOf<C, T> {
    /// Makes a `T`, runs its `init`, and keeps it.
    ///
    /// # Errors
    /// A field cannot be filled, or the author's `init` fails.
    pub fn build<'a>(
        fields: &'a Fields<'a>,
        hooks: Hooks<T>,
        upcast: fn(Arc<T>) -> Arc<C>,
    ) -> BoxFuture<'a, Result<Instance>> {
        build(fields, hooks, upcast)
    }
}

/// The other half of [`InstanceOf`]: for types that cannot be made or shared, of which the compiler complains
/// elsewhere.
pub trait NoInstance: Sized {
    /// The component.
    type Component: ?Sized;
    /// The implementation.
    type Implementation;

    /// Never runs.
    fn build<'a>(
        _: &'a Fields<'a>,
        _: Hooks<Self::Implementation>,
        _: fn(Arc<Self::Implementation>) -> Arc<Self::Component>,
    ) -> BoxFuture<'a, Result<Instance>> {
        const { unchecked::<Self>() }
    }
}

impl<C: ?Sized, T> NoInstance for InstanceOf<C, T> {
    type Component = C;
    type Implementation = T;
}

fn build<'a, C, T>(
    fields: &'a Fields<'a>,
    Hooks { init, shutdown }: Hooks<T>,
    upcast: fn(Arc<T>) -> Arc<C>,
) -> BoxFuture<'a, Result<Instance>>
where
    C: Component + ?Sized,
    T: Construct + Send + Sync,
{
    Box::pin(async move {
        let mut instance = T::construct(fields)?;
        init(&mut instance).await?;
        let instance = Arc::new(instance);
        let component = upcast(Arc::clone(&instance));
        Ok(Instance {
            dispatch: Arc::new(Local(Arc::clone(&component))),
            reference: Box::new(move || Box::new(Arc::clone(&component))),
            shutdown: Box::new(move || {
                let instance = Arc::clone(&instance);
                Box::pin(async move { shutdown(&instance).await })
            }),
        })
    })
}
