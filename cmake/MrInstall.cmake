# cmake --install: the program, its man pages, completions for three shells, the service template for systemd, and the
# documentation with the examples it links to. Completions are written by the program itself, from the option tables.
install(TARGETS millrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

set(_completions "${CMAKE_BINARY_DIR}/completions")
file(MAKE_DIRECTORY "${_completions}")
foreach(_shell IN ITEMS bash zsh fish)
    add_custom_command(OUTPUT "${_completions}/${_shell}"
        COMMAND sh -c "\"$1\" completion \"$2\" > \"$3\"" sh $<TARGET_FILE:millrace> ${_shell}
            "${_completions}/${_shell}"
        DEPENDS millrace VERBATIM)
    list(APPEND _completion_files "${_completions}/${_shell}")
endforeach()
add_custom_target(completions ALL DEPENDS ${_completion_files})
install(FILES "${_completions}/bash" RENAME millrace
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES "${_completions}/zsh" RENAME _millrace
    DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES "${_completions}/fish" RENAME millrace.fish
    DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

install(DIRECTORY docs/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 FILES_MATCHING PATTERN "*.1")
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
    FILES_MATCHING PATTERN "*.md" PATTERN "man" EXCLUDE)
install(DIRECTORY examples sql DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE RENAME copyright DESTINATION ${CMAKE_INSTALL_DOCDIR})
# systemd looks into lib of /usr and of /usr/local alike, and finds the program by its own path.
install(FILES cmake/package/millrace@.service DESTINATION lib/systemd/system)
