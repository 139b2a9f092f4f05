/* The smallest program a judge meets: linked statically, as the judged ones are. */
int main(void) { return 0; }
