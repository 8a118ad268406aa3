# weft_plugin(name sources...): the transport `name` as <build>/plugins/libweft-<name>.so, target weft-<name>.
#
# A plugin sees include/, its own folder and plugins/common, never core/; it links nothing of the core, and exports one symbol
# (plugins/plugin.map). Its objects are also the OBJECT library weft_<name>_objects, for tests of its pure parts and
# for the libraries it needs: target_link_libraries(weft_<name>_objects PUBLIC ...).
add_custom_target(weft-plugins)

# weft_absent_plugin(name why): the transport `name` cannot be built here. A note in the plugins' folder says so to whoever
# asks for it: `why` ends the sentence that begins with the note's path.
function(weft_absent_plugin name why)
  message(STATUS "no plugin ${name}: ${why}")
  set(note ${WEFT_PLUGIN_BUILD_DIR}/libweft-${name}.absent)
  file(WRITE ${note} "${why}\n")
  install(FILES ${note} DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft)
endfunction()

function(weft_plugin name)
  file(REMOVE ${WEFT_PLUGIN_BUILD_DIR}/libweft-${name}.absent)  # of an earlier configure
  set(objects weft_${name}_objects)
  add_library(${objects} OBJECT ${ARGN})
  target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${objects} PRIVATE weft_compiler weft_fat_objects)
  weft_unity(${objects})

  set(map ${PROJECT_SOURCE_DIR}/plugins/plugin.map)
  add_library(weft-${name} MODULE)
  target_link_libraries(weft-${name} PRIVATE ${objects} weft_lto)
  target_link_options(weft-${name} PRIVATE -Wl,--version-script=${map})
  if(NOT (WEFT_SANITIZE AND CMAKE_CXX_COMPILER_ID MATCHES Clang))  # clang leaves its run-time to the executable
    target_link_options(weft-${name} PRIVATE -Wl,-z,defs)
  endif()
  set_target_properties(weft-${name} PROPERTIES PREFIX lib OUTPUT_NAME weft-${name} LINKER_LANGUAGE CXX
    LINK_DEPENDS ${map} LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_BUILD_DIR} WEFT_LTO ON)
  add_dependencies(weft-plugins weft-${name})
  set_property(GLOBAL APPEND PROPERTY WEFT_PLUGINS weft-${name})
  install(TARGETS weft-${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft)
endfunction()
