import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Runs javac again and again in one JVM: a compile server as engine/build/compile_server.h describes
 * it. Each build has a compiler of its own, with its own file manager, and the work directory is
 * emptied after it. No code of a source runs here: the command has -proc:none. Whatever is odd ends
 * the JVM, and then the plain command builds.
 */
public final class CompileServer {
    private static final int REQUEST = 0x71637263, ANSWER = 0x61637263, NO_ARTEFACT = -1;
    private static final int WARM_UPS = 12; // from then on the compiler is hardly faster
    private static final Path HERE = Path.of("");

    private final DataInputStream in;
    private final OutputStream out;

    private CompileServer(DataInputStream in, OutputStream out) {
        this.in = in;
        this.out = out;
    }

    public static void main(String[] arguments) throws IOException {
        OutputStream out = new FileOutputStream(FileDescriptor.out);
        System.setOut(System.err); // what anything else prints is no answer
        CompileServer server =
                new CompileServer(new DataInputStream(new FileInputStream(FileDescriptor.in)), out);
        server.warmUp();
        while (server.serve()) {
        }
    }

    /** Only until the first request comes. */
    private void warmUp() throws IOException {
        String source = "import java.util.*; public class Main { public static void main(String[] a) {"
                + " Scanner in = new Scanner(System.in); List<Integer> l = new ArrayList<>();"
                + " while (in.hasNextInt()) l.add(in.nextInt()); for (int x : l) System.out.println("
                + "String.format(\"%d\", x)); l.stream().map(x -> x + 1).forEach(System.out::println); } }";
        String[] command = {"-proc:none", "-encoding", "UTF-8", "-d", "out", "Main.java"};

        for (int i = 0; i < WARM_UPS && in.available() == 0; i++) {
            Files.writeString(HERE.resolve("Main.java"), source);
            compile(command, new StringWriter());
            emptyDirectory(new File("."));
        }
    }

    /** False at the end of the input. */
    private boolean serve() throws IOException {
        int magic;
        try {
            magic = readNumber();
        } catch (EOFException end) {
            return false;
        }
        if (magic != REQUEST) {
            throw new IOException("odd request");
        }
        String[] command = readCommand();
        readFiles();
        File artefact = new File(readText());

        StringWriter log = new StringWriter();
        int status = compile(command, log);
        byte[] archive = status == 0 && artefact.isDirectory() ? pack(artefact) : null;
        emptyDirectory(new File("."));
        answer(status, log.toString().getBytes(StandardCharsets.UTF_8), archive);
        return true;
    }

    private static int compile(String[] command, StringWriter log) {
        PrintWriter to = new PrintWriter(log);
        int status = com.sun.tools.javac.Main.compile(command, to);
        to.flush();
        return status;
    }

    // ---- the request ----

    private int readNumber() throws IOException {
        return Integer.reverseBytes(in.readInt());
    }

    private byte[] readBytes() throws IOException {
        byte[] bytes = new byte[readNumber()];
        in.readFully(bytes);
        return bytes;
    }

    private String readText() throws IOException {
        return new String(readBytes(), StandardCharsets.UTF_8);
    }

    /**
     * Without the name of the command and the options for its JVM, which is this one. Where it names
     * no class path, javac's is the work directory; in this JVM it would be that of the server.
     */
    private String[] readCommand() throws IOException {
        List<String> command = new ArrayList<>(List.of("-classpath", "."));
        int count = readNumber();
        for (int i = 0; i < count; i++) {
            String word = readText();
            if (i > 0 && !word.startsWith("-J")) {
                command.add(word);
            }
        }
        return command.toArray(new String[0]);
    }

    private void readFiles() throws IOException {
        int count = readNumber();
        for (int i = 0; i < count; i++) {
            Path path = HERE.resolve(readText());
            if (path.getParent() != null) {
                Files.createDirectories(path.getParent());
            }
            Files.write(path, readBytes());
        }
    }

    // ---- the answer ----

    private static byte[] pack(File directory) throws IOException {
        ByteArrayOutputStream archive = new ByteArrayOutputStream();
        packInto(directory, "", archive);
        return archive.toByteArray();
    }

    private static void packInto(File directory, String prefix, ByteArrayOutputStream archive)
            throws IOException {
        for (File file : list(directory)) {
            String name = prefix + file.getName();
            if (file.isDirectory()) {
                packInto(file, name + "/", archive);
                continue;
            }
            byte[] path = name.getBytes(StandardCharsets.UTF_8);
            byte[] bytes = Files.readAllBytes(file.toPath());
            ByteBuffer head = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            archive.write(head.putInt(path.length).putInt(bytes.length).array());
            archive.write(path);
            archive.write(bytes);
        }
    }

    private void answer(int status, byte[] log, byte[] archive) throws IOException {
        int artefact = archive == null ? NO_ARTEFACT : archive.length;
        ByteBuffer head = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        head.putInt(ANSWER).putInt(status).putInt(log.length).putInt(artefact);
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        whole.write(head.array());
        whole.write(log);
        if (archive != null) {
            whole.write(archive);
        }
        DataOutputStream to = new DataOutputStream(out);
        whole.writeTo(to);
        to.flush();
    }

    // ---- between two builds ----

    private static void emptyDirectory(File directory) throws IOException {
        for (File file : list(directory)) {
            if (file.isDirectory()) {
                emptyDirectory(file);
            }
            Files.delete(file.toPath());
        }
    }

    private static File[] list(File directory) throws IOException {
        File[] files = directory.listFiles();
        if (files == null) {
            throw new IOException("cannot read " + directory);
        }
        return files;
    }
}
