# weft_add_folders(folder...): adds each folder that has a CMakeLists.txt. The lists of folders are explicit; a part
# that is not there (a package without benchmarks, say) does not break the configure.
function(weft_add_folders)
  foreach(folder IN LISTS ARGN)
    if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/CMakeLists.txt)
      add_subdirectory(${folder})
    endif()
  endforeach()
endfunction()
