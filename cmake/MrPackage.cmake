# Packages of a release build: `cpack --config build/release/CPackConfig.cmake` makes a .deb and a .tar.gz.
set(CPACK_GENERATOR TGZ DEB)
set(CPACK_PACKAGE_NAME millrace)
set(CPACK_PACKAGE_VENDOR "The millrace authors")
set(CPACK_PACKAGE_CONTACT "The millrace authors <maintainers@millrace.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGE_DESCRIPTION
    "Moves records between files, MongoDB, Kafka and PostgreSQL: exactly once, in tens of megabytes of\nmemory. A collection's changes become DynamoDB Streams records; transforms are SQL. One binary, no JVM.")
set(CPACK_RESOURCE_FILE_LICENSE "${CMAKE_SOURCE_DIR}/LICENSE")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_CHECKSUM SHA256)

# .tar.gz: unpacks to one folder with bin, lib, share; for /usr/local or /opt.
set(CPACK_PACKAGE_FILE_NAME
    "millrace-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR}")

# .deb
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # the libraries it is linked with, in the versions it needs
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "tzdata") # the file source's time.zone
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql-client, kafkacat")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${CMAKE_SOURCE_DIR}/cmake/package/postinst" "${CMAKE_SOURCE_DIR}/cmake/package/postrm")
include(CPack)
