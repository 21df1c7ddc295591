"""The built-in rules, as data: which frames are libraries, runtimes and noise. Facts of Sentry's 2023-01-11 set.

A rule is (matchers of the frame, of its caller, of its callee, actions). A matcher is (field, glob, negated), an action
(kind, direction, value): direction `` is the frame itself, `^` all towards the crash, `v` all towards the start.
"""

from collections.abc import Iterator

Matcher = tuple[str, str, bool]
Action = tuple[str, str, bool | str]
Rule = tuple[tuple[Matcher, ...], tuple[Matcher, ...], tuple[Matcher, ...], tuple[Action, ...]]

APP: Action = ("app", "", True)
NOT_APP: Action = ("app", "", False)
NOT_GROUPED: Action = ("group", "", False)
_ABOVE_NOT_GROUPED: Action = ("group", "^", False)
_BELOW_NOT_GROUPED: Action = ("group", "v", False)
_ABOVE_NOT_APP: Action = ("app", "^", False)
_BELOW_APP: Action = ("app", "v", True)
_BORDER = (_ABOVE_NOT_GROUPED, NOT_GROUPED, _ABOVE_NOT_APP, NOT_APP)


def _is(field: str, pattern: str) -> Matcher:
    return field, pattern, False


def _native(field: str, patterns: str, *actions: Action) -> Iterator[Rule]:
    for pattern in patterns.split():
        yield (_is("family", "native"), _is(field, pattern)), (), (), actions


def _any(field: str, patterns: str, *actions: Action) -> Iterator[Rule]:
    for pattern in patterns.split():
        yield (_is(field, pattern),), (), (), actions


def _category(name: str) -> Action:
    return "category", "", name


def _in_category(name: str, *actions: Action) -> Rule:
    return (_is("category", name),), (), (), actions


def _called_from(caller: str, category: str) -> Rule:
    """A frame of `category` that one of `caller` called is an internal of it."""
    return (_is("category", category),), (_is("category", caller),), (), (_category("internals"),)


def _locations() -> Iterator[Rule]:
    yield from _native(
        "package",
        "/var/containers/Bundle/Application/** /private/var/containers/Bundle/Application/** "
        "**/Developer/CoreSimulator/Devices/** **/Containers/Bundle/Application/** **.app/Contents/** /Users/**",
        APP,
    )
    unreal = (_BELOW_APP, NOT_APP, _ABOVE_NOT_APP)
    yield from _native(
        "function",
        "FDebug::CheckVerifyFailedImpl* UE::Assert::Private::ExecCheckImplInternal* "
        "USentrySubsystem::CaptureMessage* USentrySubsystem::CaptureMessageWithScope* USentrySubsystem::CaptureEvent* "
        "USentrySubsystem::CaptureEventWithScope* USentrySubsystem::*execCapture*",
        *unreal,
    )
    yield from _native("package", "/lib/** /usr/lib/**", NOT_APP)
    yield from _native("path", "/usr/local/lib/** /usr/local/Cellar/**", NOT_APP)
    yield from _native("package", "linux-gate.so*", NOT_APP)


def _borders() -> Iterator[Rule]:
    """What raises: the frames above it belong to the raising, not to what went wrong."""
    yield from _native("function", "std::* core::* alloc::* __rust_* rust_begin_unwind", NOT_APP)
    yield from _native(
        "function",
        "std::panicking::begin_panic core::panicking::begin_panic failure::backtrace::Backtrace::new "
        "error_chain::make_backtrace",
        *_BORDER,
    )
    yield from _native("function", "std::panicking::panic_fmt core::panicking::panic_fmt", _ABOVE_NOT_APP, NOT_APP)
    yield from _native("function", "_CxxThrowException __cxa_throw __assert_rtn _NSRaiseError", *_BORDER)
    yield from _native("function", "_mh_execute_header google_breakpad::*", NOT_GROUPED, NOT_APP)
    yield from _native(
        "function",
        "google_breakpad::ExceptionHandler::SignalHandler "
        "google_breakpad::ExceptionHandler::WriteMinidumpWithException",
        _ABOVE_NOT_GROUPED,
        NOT_GROUPED,
    )


def _sdks() -> Iterator[Rule]:
    yield from _native(
        "package",
        "**/Frameworks/libswift*.dylib **/Frameworks/KSCrash.framework/** **/Frameworks/SentrySwift.framework/** "
        "**/Frameworks/Sentry.framework/**",
        NOT_APP,
    )
    yield from _native(
        "function",
        "kscm_* sentrycrashcm_* kscrash_* *sentrycrash_* ?[KSCrash* ?[RNSentry* __*[Sentry* ?[Sentry*",
        NOT_APP,
        NOT_GROUPED,
    )
    dart = (_is("family", "native"), _is("package", "/data/app/**"), _is("path", "**.dart"))
    yield dart, (), (), (APP,)
    yield (_is("family", "javascript"), _is("path", "org-dartlang-sdk:///**")), (), (), (NOT_APP, NOT_GROUPED)
    yield (_is("family", "javascript"), _is("module", "**/packages/flutter/**")), (), (), (NOT_APP,)
    yield from _native("path", "**/packages/flutter/**", NOT_APP)
    for package in ("", "_flutter", "_logging", "_dio", "_file", "_hive", "_isar", "_sqflite", "_drift"):
        yield from _any("path", f"package:sentry{package}/**", NOT_APP, NOT_GROUPED)
    yield from _any("path", "package:sentry_link/** package:sentry_firebase_remote_config/**", NOT_APP)
    yield from _native("path", "**/.pub-cache/**", NOT_APP)


_CATEGORIES: tuple[tuple[str, str, str, str], ...] = (
    # (category, family or "", field, globs), in the order in which they are given
    ("system", "native", "package", "/System/Library/Frameworks/** C:/Windows/** /usr/lib/**"),
    ("system", "native", "function", "memset memcpy __memcpy memcmp"),
    (
        "system",
        "native",
        "package",
        "CoreFoundation Foundation CFNetwork IOKit QuartzCore IOMobileFramebuffer libobjc* libsystem* "
        "/system/** /vendor/**",
    ),
    ("system", "", "module", "dalvik.system.* com.android.*"),
    ("system", "native", "package", "libdispatch.dylib WebKit **/libart.so"),
    ("system", "", "package", "/apex/com.android.*/lib*/**"),
    ("system", "", "module", "com.lenovo.lsf.* com.lenovo.payplus.*"),
    ("std", "native", "function", "boost::* std::*"),
    (
        "std",
        "",
        "module",
        "java.* com.google.crypto.* com.google.android.* javax.crypto.* android.database.* androidx.* android.*",
    ),
    ("system", "", "module", "android.os.*"),
    ("ui", "native", "package", "UIKit UIKitCore SwiftUI AttributeGraph CoreAutoLayout GraphicsServices"),
    ("ui", "native", "function", "-[NSISEngine*"),
    (
        "ui",
        "",
        "module",
        "android.view.* android.text.* android.widget.* android.app.Dialog androidx.*.widget.* "
        "com.google.android.material.*",
    ),
)
_THREAD_BASES = (
    ("package", "/usr/lib/system/**", "start"),
    ("package", "libdyld.dylib", "start"),
    ("package", "UIKitCore", "UIApplicationMain"),
    *(
        ("", "", function)
        for function in [
            "wWinMain",
            "invoke_main",
            "BaseThreadInitThunk",
            "RtlUserThreadStart",
            "thread_start",
            "_pthread_start",
            "__pthread_start",
            "_pthread_body",
            "_dispatch_worker_thread2",
            "start_wqthread",
            "_pthread_wqthread",
            "boost::*::thread_proxy",
        ]
    ),
    ("package", "/usr/lib/system/libsystem_pthread.dylib", "<unknown>"),
    ("module", "android.os.AsyncTask*", "call"),
    ("package", "UIKit", "UIApplicationMain"),
    ("module", "java.util.concurrent.ThreadPoolExecutor", "runWorker"),
    ("module", "android.os.*", "call"),
    ("module", "android.app.ActivityThread", "main"),
    ("module", "android.view.View", "layout"),
    ("module", "android.os.Looper", "loop"),
    ("", "", "TppWorkerThread"),
    ("", "", "TppWorkpExecuteCallback"),
    ("", "", "RtlpTpWorkCallback"),
    ("module", "android.os.Handler", "dispatchMessage"),
    ("module", "android.os.Handler", "handleCallback"),
    ("module", "android.app.ActivityThread*", "handleMessage"),
)
_NATIVE_CATEGORIES: tuple[tuple[str, str, str], ...] = (
    ("malloc", "package", "**/libsystem_malloc.dylib"),
    ("malloc", "function", "malloc malloc_base RtlpAllocateHeapInternal std::*::allocator_traits*"),
    (
        "indirection",
        "function",
        "*::operator()* *<lambda>* destructor' __dynamic_cast boost::function* boost::_bi::* "
        "boost::detail::function::functor_manager* Array.subscript.*",
    ),
)
_LATER_CATEGORIES: tuple[tuple[str, str, str], ...] = (
    ("dtor", "function", "*::\\{dtor\\} destructor'"),
    ("shutdown", "function", "exit RtlExitUserProcess ExitProcessImplementation RtlExitUserThread"),
    ("handler", "function", "RtlpExecuteHandlerForException _sigtramp DispatchHookW execute_onexit_table"),
    (
        "throw",
        "function",
        "abort raise std::terminate RtlExitUserThread TppRaiseInvalidParameter _CxxThrowException RaiseException "
        "RaiseComPlusException _CFThrowFormattedException objc_exception_throw AG::precondition_failure*",
    ),
    (
        "driver",
        "package",
        "C:/WINDOWS/system32/DriverStore/** /System/Library/Extensions/AppleIntel*GraphicsGLDriver.bundle/**",
    ),
    ("driver", "function", "*CUDA*"),
    (
        "driver",
        "package",
        "**/nvcuda.dll C:/Program?Files/NVIDIA?Corporation/** /System/Library/Extensions/GeForceGLDriver.bundle/** "
        "/System/Library/Extensions/AMDRadeon*/** /System/Library/PrivateFrameworks/GPUSupport.framework/** "
        "libGPUSupportMercury.dylib AGXGLDriver",
    ),
    (
        "free",
        "function",
        "RtlFreeHeap RtlFreeUnicodeString std::_Deallocate free objc_release _swift_release_dealloc _CFRelease",
    ),
    (
        "gl",
        "package",
        "C:/Windows/SYSTEM32/OPENGL32.dll /System/Library/Frameworks/OpenGL.framework/** OpenGLES GLEngine "
        "/system/lib/libEGL.so **/libGLES*.so **/libESXGLES*.so /system/lib/libskia.so "
        "/System/Library/Frameworks/OpenCL.framework/**",
    ),
)


def _categories() -> Iterator[Rule]:
    for name, of_family, field, globs in _CATEGORIES:
        rules = _native(field, globs, _category(name)) if of_family else _any(field, globs, _category(name))
        yield from rules
    for function in ("handleMessage", "run"):
        yield (_is("category", "ui"), _is("function", function)), (), (), (_category("indirection"),)
    yield from _native("function", "art::jit::*", _category("runtime"))
    yield from _native("package", "/system/lib/libmedia.so /System/lib/libaudioclient.so", _category("av"))
    yield from _native("package", "AudioToolbox* libAudioToolboxUtility.dylib", _category("av"))
    yield from _native("function", "std::_* __swift_* block_destroy_helper*", _category("internals"))
    block = (_is("family", "native"), _is("function", "*_block_invoke*"), _is("app", "no"))
    yield block, (), (), (_category("internals"),)
    for field, pattern, function in _THREAD_BASES:
        where = (_is(field, pattern),) if field else ()
        native = () if field == "module" else (_is("family", "native"),)
        yield (*native, *where, _is("function", function)), (), (), (_category("threadbase"),)
    for name, field, globs in _NATIVE_CATEGORIES:
        yield from _native(field, globs, _category(name))
    yield from _any("module", "java.lang.reflect.*", _category("indirection"))
    yield (_is("module", "java.lang.Class"), _is("function", "getMethod")), (), (), (_category("indirection"),)
    yield from _any("module", "androidx.work.impl.utils.ForceStopRunnable", _category("indirection"))
    for name, field, globs in _LATER_CATEGORIES:
        yield from _native(field, globs, _category(name))
    gpu = (
        _is("family", "native"),
        _is("package", "/System/Library/PrivateFrameworks/GPUSupport.framework/**"),
        _is("function", "gpusGenerateCrashLog*"),
    )
    yield gpu, (), (), (_category("telemetry"),)
    yield from _native("function", "gpusKillClientExt crashpad::*", _category("telemetry"))
    yield from _any("module", "cn.gundam.sdk.* com.lenovo.payplus.analytics.*", _category("telemetry"))
    yield from _any("package", "**/libBugly.so", _category("telemetry"))
    yield from _native("function", "dlopen dladdr ImageLoaderMachO::findClosestSymbol", _category("load"))
    loader = (_is("package", "/system/lib/libnativeloader.so"), _is("function", "android::OpenNativeLibrary"))
    yield (_is("family", "native"), *loader), (), (), (_category("load"),)
    yield (_is("module", "java.lang.System"), _is("function", "loadLibrary")), (), (), (_category("load"),)
    yield (_is("module", "java.lang.Runtime"), _is("function", "loadLibrary*")), (), (), (_category("load"),)
    yield from _native("function", "pthread_mutex_lock", _category("lock"))


def _noise() -> Iterator[Rule]:
    """What the categories mean for grouping."""
    internals = (_category("internals"),)
    yield (_is("category", "driver"),), (), (_is("category", "driver"),), internals
    for name in ("gl", "av", "malloc"):
        yield _called_from(name, name)
    yield _in_category("throw", _ABOVE_NOT_GROUPED)
    yield (_is("category", "throw"),), (_is("function", "_purecall"),), (), internals
    yield _called_from("throw", "throw")
    yield _in_category("system", NOT_APP)
    yield _in_category("threadbase", NOT_GROUPED, _BELOW_NOT_GROUPED)
    yield _in_category("handler", _ABOVE_NOT_GROUPED, NOT_GROUPED)
    for name in ("telemetry", "indirection", "internals"):
        yield _in_category(name, NOT_GROUPED)
    yield _in_category("threadbase", _BELOW_NOT_GROUPED, NOT_GROUPED)
    system = (_is("family", "native"), _is("category", "system"))
    yield (*system, _is("function", "_*"), ("function", "_purecall", True)), (), (), internals
    yield (*system, _is("function", "<unknown>")), (), (), internals
    yield from _native(
        "function",
        "_INTERNAL* closure Collection.map<T> Array.subscript.getter Array._getElement "
        "_ArrayBuffer._nativeTypeChecked.getter range @callee_guaranteed",
        *internals,
    )
    yield from _native("function", "*.cold.1", _category("indirection"))
    other: Matcher = ("category", "system", True)
    yield (_is("category", "system"),), (other,), (other,), (_category("indirection"),)
    for caller, name in (
        *(("free", "system"), ("system", "system"), ("std", "system"), ("std", "std"), ("ui", "ui"), ("ui", "system")),
        *(("internals", "system"), ("internals", "ui"), ("load", "system"), ("load", "load"), ("throw", "system")),
        *(("runtime", "system"), ("runtime", "runtime"), ("dtor", "dtor")),
    ):
        yield _called_from(caller, name)


def _languages() -> Iterator[Rule]:
    yield from _any("path", "**/vendor/** **/site-packages/** **/dist-packages/** **/node_modules/**", NOT_APP)
    yield from _any("module", "unpkg/**", NOT_APP)
    yield from _any(
        "path",
        "**https://unpkg.com/** **https://cdnjs.cloudflare.com/** **https://cdn.jsdelivr.net/** **https://esm.run/**",
        NOT_APP,
    )
    yield (_is("family", "javascript"), _is("function", "reportError")), (), (), (_ABOVE_NOT_APP, NOT_APP)
    yield from _any("module", "@babel/** core-js/** regenerator-runtime/** tslib/**", NOT_APP, NOT_GROUPED)
    yield (_is("family", "javascript"), _is("function", "_callSuper")), (), (), (NOT_APP, NOT_GROUPED)
    yield from _any(
        "function",
        "runMicrotasks queueMicrotask processTicksAndRejections runNextTicks nextTick",
        NOT_APP,
        NOT_GROUPED,
    )
    yield from _any("path", "**/go/pkg/mod/**", NOT_APP)
    framework = _category("framework")
    yield from _any("module", "akka.* com.fasterxml.* com.microsoft.* com.sun.* feign.* io.opentelemetry.*", framework)
    yield from _any("module", "io.sentry.*", framework, NOT_GROUPED)
    yield from _any(
        "module",
        "jdk.* oauth.* org.apache.* org.glassfish.* org.jboss.* org.jdesktop.* org.postgresql.* org.springframework.* "
        "org.web3j.* reactor.core.* scala.* sun.*",
        framework,
    )
    yield _in_category("framework", NOT_APP)
    yield from _any("module", "kotlin.* kotlinx.* io.ktor.* io.netty.*", NOT_APP)
    yield from _any("module", "newrelic", NOT_APP, NOT_GROUPED)
    yield from _any("path", "**/*newrelic*/** **/*LogRocket*/**", NOT_APP, NOT_GROUPED)


RULES: tuple[Rule, ...] = (
    *_locations(),
    *_borders(),
    *_sdks(),
    *_categories(),
    *_noise(),
    *_languages(),
)
