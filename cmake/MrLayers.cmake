# The layer rule, enforced: each layer compiles with one include directory of its own, in the build tree,
# that holds links to just the folders it may include. "kafka/consumer.h" does not exist for a sink.
#
#   mr_add_layer(NAME codec FOLDER codec SEES api base LINKS PkgConfig::JANSSON)
#
# NAME     target mr_<name>, an object library of FOLDER/*.c
# SEES     folders of connectors/ it may include beside its own
# LINKS    foreign libraries, private to the layer
function(mr_include_room target)
    set(room "${CMAKE_BINARY_DIR}/rooms/${target}")
    file(MAKE_DIRECTORY "${room}")
    foreach(folder IN LISTS ARGN)
        get_filename_component(parent "${room}/${folder}" DIRECTORY)
        file(MAKE_DIRECTORY "${parent}")
        file(CREATE_LINK "${CMAKE_SOURCE_DIR}/connectors/${folder}" "${room}/${folder}" SYMBOLIC)
    endforeach()
    target_include_directories(${target} PRIVATE "${room}")
endfunction()

function(mr_add_layer)
    cmake_parse_arguments(L "" "NAME;FOLDER" "SEES;LINKS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/connectors/${L_FOLDER}/*.c")
    if(sources)
        add_library(mr_${L_NAME} OBJECT ${sources})
        mr_include_room(mr_${L_NAME} ${L_FOLDER} ${L_SEES})
        target_link_libraries(mr_${L_NAME} PRIVATE mr_warnings mr_sanitize Threads::Threads ${L_LINKS})
    else()
        add_library(mr_${L_NAME} INTERFACE)
    endif()
    set_property(GLOBAL PROPERTY MR_LAYER_${L_NAME}_SEES "${L_SEES}")
    set_property(GLOBAL PROPERTY MR_LAYER_${L_NAME}_LINKS "${L_LINKS}")
    set_property(GLOBAL APPEND PROPERTY MR_LAYERS "${L_NAME}")
endfunction()

# Links a program with the named layers' objects and their foreign libraries.
function(mr_link_layers target)
    foreach(layer IN LISTS ARGN)
        get_target_property(kind mr_${layer} TYPE)
        if(kind STREQUAL "OBJECT_LIBRARY")
            target_sources(${target} PRIVATE $<TARGET_OBJECTS:mr_${layer}>)
        endif()
        get_property(links GLOBAL PROPERTY MR_LAYER_${layer}_LINKS)
        target_link_libraries(${target} PRIVATE ${links})
    endforeach()
    target_link_libraries(${target} PRIVATE mr_warnings mr_sanitize Threads::Threads m)
endfunction()
