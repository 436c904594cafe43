# Warnings for our own code; -Werror always, because CI has no other compiler settings than ours.
add_library(mr_warnings INTERFACE)
target_compile_options(mr_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla
    -Wwrite-strings -Wformat=2 -Wno-format-nonliteral -Wimplicit-fallthrough)
# POSIX 2008 and the few Linux calls (getrandom, fallocate, inotify) that the C11 mode hides.
target_compile_definitions(mr_warnings INTERFACE _GNU_SOURCE)
