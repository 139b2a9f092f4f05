"""The programs that script/bench and script/profile have judged, and the plain commands for them."""

import json
import pathlib

ROWS = pathlib.Path(__file__).parents[2] / "engine/language/builtin"
TESTS = [("1 2\n", "3\n"), ("40 2\n", "42\n")]
# Language: file name, where its run looks for what was built, source.
PROGRAMS = {
    "python": ("script.py", ".", """\
# {n}
a, b = map(int, input().split())
print(a + b)
"""),
    "c": ("main.c", ".", """\
#include <stdio.h>
int unique = {n};
int main(void)
{{
    int a, b;
    if (scanf("%d %d", &a, &b) != 2)
        return 1;
    printf("%d\\n", a + b);
    return 0;
}}
"""),
    "cpp": ("main.cpp", ".", """\
#include <iostream>
int unique = {n};
int main()
{{
    int a, b;
    std::cin >> a >> b;
    std::cout << a + b << '\\n';
}}
"""),
    "go": ("main.go", ".", """\
package main

import "fmt"

var unique = {n}

func main() {{
\tvar a, b int
\tfmt.Scan(&a, &b)
\tfmt.Println(a + b)
}}
"""),
    "java": ("Main.java", "out", """\
import java.util.Scanner;

public class Main {{
    static int unique = {n};

    public static void main(String[] args) {{
        Scanner in = new Scanner(System.in);
        System.out.println(in.nextInt() + in.nextInt());
    }}
}}
"""),
}


def plain_commands(language):
    """(build, run), lists of words, as the language table has them for the limits that are the server's
    defaults; build is empty where nothing is built."""
    row = json.loads((ROWS / f"{language}.json").read_text())
    name, _, _ = PROGRAMS[language]
    values = {"source": name, "main": pathlib.Path(name).stem, "memory_mib": "256", "stack_mib": "256",
              "build_memory_mib": "1024"}

    def fill(words):
        for key, value in values.items():
            words = [word.replace("{%s}" % key, value) for word in words]
        return words
    return fill(row.get("build", [])), fill(row["run"])
