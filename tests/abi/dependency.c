/* dependency.c - a library that a plugin is linked with and that is not there when the plugin is loaded. */
int weft_test_dependency(void);
__attribute__((visibility("default"))) int weft_test_dependency(void) { return 0; }
