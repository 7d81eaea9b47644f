//! Loads libraries and drivers as the program will. All `unsafe` of this crate is here.

#![expect(unsafe_code, reason = "shared libraries are loaded and called")]

use libloading::{Library, Symbol};
use std::ffi::{OsString, c_char, c_void};
use std::path::PathBuf;
use std::process::Command;
use std::{fs, ptr};

/// Names an attempt: any device of Vulkan, or else a display of OpenGL.
pub(crate) const ANY_DRIVER: &str = "any-driver";
/// Names an attempt: a device of Mesa's software driver for Vulkan.
pub(crate) const LAVAPIPE: &str = "lavapipe";
/// Names an attempt: any device of Vulkan.
const VULKAN: &str = "vulkan";

/// Folders in which Vulkan drivers are registered.
const DRIVER_FOLDERS: [&str; 3] = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// Loads a shared library and unloads it.
pub(crate) fn library(name: &str) -> Result<(), String> {
    open(name).map(drop)
}

/// Loads graphics drivers in this process, which a faulty driver may end.
pub(crate) fn attempt(driver: &str) -> Result<(), String> {
    match driver {
        ANY_DRIVER => vulkan().or_else(|vulkan| opengl().map_err(|opengl| format!("{vulkan}; {opengl}"))),
        LAVAPIPE => {
            let files = lavapipe().ok_or_else(|| format!("no lvp_icd*.json in {}", DRIVER_FOLDERS.join(", ")))?;
            // Vulkan's loader reads these variables (the second is the older name) as it starts, so in a new process.
            let program = std::env::current_exe().map_err(|error| error.to_string())?;
            let mut command = Command::new(program);
            command.args(["attempt", VULKAN]).env("VK_DRIVER_FILES", &files).env("VK_ICD_FILENAMES", &files);
            let status = command.status().map_err(|error| error.to_string())?;
            if status.success() { Ok(()) } else { Err(format!("{} cannot be used ({status})", files.display())) }
        }
        VULKAN => vulkan(),
        _ => Err(format!("unknown driver «{driver}»")),
    }
}

/// The registrations of lavapipe, separated as in `PATH`: there may be one for each kind of processor, and Vulkan takes
/// the one that can be loaded.
fn lavapipe() -> Option<OsString> {
    let folders = DRIVER_FOLDERS.into_iter().filter_map(|folder| fs::read_dir(folder).ok());
    let files = folders.flat_map(|entries| entries.flatten().map(|entry| entry.path()));
    let is_lavapipe =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd"));
    let found: Vec<PathBuf> = files.filter(is_lavapipe).collect();
    if found.is_empty() { None } else { std::env::join_paths(found).ok() }
}

fn open(name: &str) -> Result<Library, String> {
    // SAFETY: the libraries are the system's own (X11, xkbcommon, Wayland, Vulkan, EGL). Their initializers may run in
    // any thread, and slowgrad loads the same ones.
    unsafe { Library::new(name) }.map_err(|error| error.to_string())
}

/// `VkInstanceCreateInfo` of the Vulkan specification, without application, layers and extensions.
#[repr(C)]
struct InstanceCreateInfo {
    structure_type: i32,
    next: *const c_void,
    flags: u32,
    application: *const c_void,
    layer_count: u32,
    layers: *const *const c_char,
    extension_count: u32,
    extensions: *const *const c_char,
}

const VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO: i32 = 1;
const VK_SUCCESS: i32 = 0;

type Instance = *mut c_void;
type CreateInstance = unsafe extern "system" fn(*const InstanceCreateInfo, *const c_void, *mut Instance) -> i32;
type EnumeratePhysicalDevices = unsafe extern "system" fn(Instance, *mut u32, *mut *mut c_void) -> i32;
type DestroyInstance = unsafe extern "system" fn(Instance, *const c_void);

/// Succeeds if Vulkan has at least one device.
fn vulkan() -> Result<(), String> {
    let library = open("libvulkan.so.1")?;
    let missing = |error: libloading::Error| format!("libvulkan.so.1: {error}");
    // SAFETY: these are the names and signatures of the Vulkan specification (1.0), which the loader exports.
    let (create, devices, destroy): (
        Symbol<'_, CreateInstance>,
        Symbol<'_, EnumeratePhysicalDevices>,
        Symbol<'_, DestroyInstance>,
    ) = unsafe {
        (
            library.get(b"vkCreateInstance\0").map_err(missing)?,
            library.get(b"vkEnumeratePhysicalDevices\0").map_err(missing)?,
            library.get(b"vkDestroyInstance\0").map_err(missing)?,
        )
    };
    let info = InstanceCreateInfo {
        structure_type: VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        next: ptr::null(),
        flags: 0,
        application: ptr::null(),
        layer_count: 0,
        layers: ptr::null(),
        extension_count: 0,
        extensions: ptr::null(),
    };
    let mut instance = ptr::null_mut();
    // SAFETY: `info` is a valid `VkInstanceCreateInfo` (all its pointers may be null when counts are 0), and `instance`
    // has room for the result.
    let result = unsafe { create(&raw const info, ptr::null(), &raw mut instance) };
    if result != VK_SUCCESS {
        return Err(format!("there is no Vulkan driver (vkCreateInstance: {result})"));
    }
    let mut count = 0;
    // SAFETY: `instance` was created. A null array asks for the number of devices only.
    let result = unsafe { devices(instance, &raw mut count, ptr::null_mut()) };
    // SAFETY: `instance` was created, has no children, and is not used afterwards.
    unsafe { destroy(instance, ptr::null()) };
    match (result, count) {
        (VK_SUCCESS, 1..) => Ok(()),
        (VK_SUCCESS, 0) => Err("Vulkan has no device".into()),
        _ => Err(format!("Vulkan does not list its devices ({result})")),
    }
}

type Display = *mut c_void;
type GetDisplay = unsafe extern "system" fn(*mut c_void) -> Display;
type Initialize = unsafe extern "system" fn(Display, *mut i32, *mut i32) -> u32;
type Terminate = unsafe extern "system" fn(Display) -> u32;

/// Succeeds if EGL, through which OpenGL is used, has a display.
fn opengl() -> Result<(), String> {
    let library = open("libEGL.so.1")?;
    let missing = |error: libloading::Error| format!("libEGL.so.1: {error}");
    // SAFETY: these are the names and signatures of the EGL specification (1.0).
    let (display, initialize, terminate): (Symbol<'_, GetDisplay>, Symbol<'_, Initialize>, Symbol<'_, Terminate>) = unsafe {
        (
            library.get(b"eglGetDisplay\0").map_err(missing)?,
            library.get(b"eglInitialize\0").map_err(missing)?,
            library.get(b"eglTerminate\0").map_err(missing)?,
        )
    };
    // SAFETY: null is `EGL_DEFAULT_DISPLAY`.
    let display = unsafe { display(ptr::null_mut()) };
    let (mut major, mut minor) = (0, 0);
    // SAFETY: the versions have room for the results. A null display, which is `EGL_NO_DISPLAY`, is an error that
    // `eglInitialize` reports.
    if unsafe { initialize(display, &raw mut major, &raw mut minor) } == 0 {
        return Err("OpenGL has no display".into());
    }
    // SAFETY: `display` was initialized and is not used afterwards.
    unsafe { terminate(display) };
    Ok(())
}
