/* A first program per language: reads two numbers, prints their sum. */

export const EXAMPLES: Record<string, string> = {
  python: `a, b = map(int, input().split())
print(a + b)
`,
  go: `package main

import "fmt"

func main() {
	var a, b int
	fmt.Scan(&a, &b)
	fmt.Println(a + b)
}
`,
  c: `#include <stdio.h>

int main(void)
{
    int a, b;

    if (scanf("%d %d", &a, &b) != 2)
        return 1;
    printf("%d\\n", a + b);
    return 0;
}
`,
  cpp: `#include <iostream>

int main()
{
    int a, b;

    std::cin >> a >> b;
    std::cout << a + b << '\\n';
}
`,
  java: `import java.util.Scanner;

public class Main {
    public static void main(String[] args) {
        Scanner in = new Scanner(System.in);
        System.out.println(in.nextInt() + in.nextInt());
    }
}
`,
};

/* Of languages that an operator adds, by how their source files end. */
const BY_END: Record<string, string> = {
  js: `const [a, b] = require('fs').readFileSync(0, 'utf8').split(/\\s+/).map(Number);
console.log(a + b);
`,
  lua: `local a, b = io.read('n', 'n')
print(a + b)
`,
  php: `<?php
fscanf(STDIN, '%d %d', $a, $b);
echo $a + $b, "\\n";
`,
  pl: `my ($a, $b) = split ' ', <STDIN>;
print $a + $b, "\\n";
`,
  rb: `a, b = gets.split.map(&:to_i)
puts a + b
`,
  rs: `use std::io;

fn main() {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    let sum: i64 = line.split_whitespace().map(|w| w.parse::<i64>().unwrap()).sum();
    println!("{sum}");
}
`,
  sh: `read a b
echo $((a + b))
`,
};

export const endOf = (sourceName: string): string => /\.(\w+)$/.exec(sourceName)?.[1]?.toLowerCase() ?? '';

export const exampleOf = (language: string, sourceName: string): string =>
  EXAMPLES[language] ?? BY_END[endOf(sourceName)] ?? '';

export const EXAMPLE_TESTS = [
  { input: '1 2\n', expected_output: '3\n' },
  { input: '20 22\n', expected_output: '42\n' },
  { input: '-5 5\n', expected_output: '0\n' },
];
