import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.config.internals.BrokerSecurityConfigs;
import org.apache.kafka.common.memory.MemoryPool;
import org.apache.kafka.common.message.ApiVersionsResponseData;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.network.ByteBufferSend;
import org.apache.kafka.common.network.ChannelBuilder;
import org.apache.kafka.common.network.ChannelBuilders;
import org.apache.kafka.common.network.KafkaChannel;
import org.apache.kafka.common.network.ListenerName;
import org.apache.kafka.common.network.NetworkReceive;
import org.apache.kafka.common.network.NetworkSend;
import org.apache.kafka.common.network.Selector;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.requests.ApiVersionsResponse;
import org.apache.kafka.common.security.auth.SecurityProtocol;
import org.apache.kafka.common.security.authenticator.CredentialCache;
import org.apache.kafka.common.security.scram.ScramCredential;
import org.apache.kafka.common.security.scram.internals.ScramCredentialUtils;
import org.apache.kafka.common.security.scram.internals.ScramFormatter;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Time;

/**
 * Apache Kafka's own server-side TLS and SASL code in front of a plaintext broker on loopback.
 *
 * Arguments: security protocol, listening port (0: any), port of the broker behind, then key=value of
 * {@code keystore}, {@code truststore} (PEM files), {@code client.auth}, {@code max.reauth.ms}. The users are alice (PLAIN)
 * and alice256, alice512 (SCRAM), password "secret". Prints "ready PORT", then what it sees. The broker behind must
 * advertise the proxy's port. Ends when its standard input does.
 */
public class AuthProxy {
    private final int backPort;
    private final Selector selector;
    private final Queue<SocketChannel> accepted = new ConcurrentLinkedQueue<>();
    private final Queue<Answer> answers = new ConcurrentLinkedQueue<>();
    private final Map<String, ArrayDeque<ByteBuffer>> waiting = new HashMap<>();
    private final Set<String> sending = new HashSet<>();
    private final Map<String, Socket> backs = new HashMap<>();
    private int connections = 0;

    /** A frame from the broker for one client; null bytes: the broker closed. */
    private record Answer(String client, ByteBuffer frame) { }

    private static final class ServerConfig extends AbstractConfig {
        ServerConfig(Map<String, Object> values) { super(definition(), values, false); }

        private static ConfigDef definition() {
            ConfigDef definition = new ConfigDef();
            SslConfigs.addClientSslSupport(definition);
            SaslConfigs.addClientSaslSupport(definition);
            return definition
                .define(BrokerSecurityConfigs.SASL_ENABLED_MECHANISMS_CONFIG, Type.LIST, List.of(), Importance.LOW, "")
                .define(BrokerSecurityConfigs.CONNECTIONS_MAX_REAUTH_MS_CONFIG, Type.LONG, 0L, Importance.LOW, "")
                .define(BrokerSecurityConfigs.SASL_SERVER_MAX_RECEIVE_SIZE_CONFIG, Type.INT, 524288, Importance.LOW, "")
                .define(BrokerSecurityConfigs.SSL_CLIENT_AUTH_CONFIG, Type.STRING, "none", Importance.LOW, "")
                .define(BrokerSecurityConfigs.SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES_CONFIG, Type.LIST, List.of("DEFAULT"), Importance.LOW, "")
                .define(BrokerSecurityConfigs.SSL_PRINCIPAL_MAPPING_RULES_CONFIG, Type.STRING, "DEFAULT", Importance.LOW, "");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (int index = 3; index < arguments.length; index++) {
            String[] pair = arguments[index].split("=", 2);
            options.put(pair[0], pair[1]);
        }
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (IOException closed) {
                // The same as the end of the input.
            }
            System.exit(0);
        });
        watcher.setDaemon(true);
        watcher.start();
        new AuthProxy(SecurityProtocol.forName(arguments[0]), Integer.parseInt(arguments[2]), options)
            .serve(Integer.parseInt(arguments[1]));
    }

    private AuthProxy(SecurityProtocol protocol, int backPort, Map<String, String> options) throws Exception {
        this.backPort = backPort;
        ListenerName listener = ListenerName.forSecurityProtocol(protocol);
        Map<String, Object> values = new HashMap<>();
        values.put("sasl.enabled.mechanisms", List.of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"));
        values.put("connections.max.reauth.ms", Long.parseLong(options.getOrDefault("max.reauth.ms", "0")));
        String prefix = listener.configPrefix();
        values.put(prefix + "plain.sasl.jaas.config",
            "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"b\" password=\"b\" user_alice=\"secret\";");
        for (String mechanism : List.of("scram-sha-256", "scram-sha-512"))
            values.put(prefix + mechanism + ".sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required;");
        if (options.containsKey("keystore")) {
            values.put("ssl.keystore.type", "PEM");
            values.put("ssl.keystore.location", options.get("keystore"));
            values.put("ssl.truststore.type", "PEM");
            values.put("ssl.truststore.location", options.get("truststore"));
            values.put("ssl.client.auth", options.getOrDefault("client.auth", "none"));
        }
        CredentialCache credentials = new CredentialCache();
        ScramCredentialUtils.createCache(credentials, List.of("SCRAM-SHA-256", "SCRAM-SHA-512"));
        credentials.cache("SCRAM-SHA-256", ScramCredential.class)
            .put("alice256", new ScramFormatter(ScramMechanism.SCRAM_SHA_256).generateCredential("secret", 4096));
        credentials.cache("SCRAM-SHA-512", ScramCredential.class)
            .put("alice512", new ScramFormatter(ScramMechanism.SCRAM_SHA_512).generateCredential("secret", 4096));
        LogContext context = new LogContext();
        ChannelBuilder builder = ChannelBuilders.serverChannelBuilder(listener, false, protocol, new ServerConfig(values), credentials,
            new DelegationTokenCache(ScramMechanism.mechanismNames()), Time.SYSTEM, context, version -> apiVersions());
        selector = new Selector(NetworkReceive.UNLIMITED, 60000, 200, new Metrics(), Time.SYSTEM, "proxy", new HashMap<>(), true, false,
            builder, MemoryPool.NONE, context);
    }

    /** The broker's versions, with those of the SASL calls that the proxy answers itself. */
    private ApiVersionsResponse apiVersions() {
        ApiVersionsResponseData data = new ApiVersionsResponseData();
        for (ApiKeys key : List.of(ApiKeys.API_VERSIONS, ApiKeys.SASL_HANDSHAKE, ApiKeys.SASL_AUTHENTICATE))
            data.apiKeys().add(new ApiVersionsResponseData.ApiVersion().setApiKey(key.id)
                .setMinVersion(key.oldestVersion()).setMaxVersion(key.latestVersion()));
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), backPort)) {
            DataOutputStream out = new DataOutputStream(socket.getOutputStream());
            out.writeInt(10);
            out.writeShort(18);
            out.writeShort(0);
            out.writeInt(1);
            out.writeShort(-1);
            out.flush();
            DataInputStream in = new DataInputStream(socket.getInputStream());
            in.readInt();
            in.readInt();
            in.readShort();
            for (int left = in.readInt(); left > 0; left--) {
                short key = in.readShort(), lowest = in.readShort(), highest = in.readShort();
                if (data.apiKeys().find(key) == null)
                    data.apiKeys().add(new ApiVersionsResponseData.ApiVersion().setApiKey(key)
                        .setMinVersion(lowest).setMaxVersion(highest));
            }
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
        return new ApiVersionsResponse(data);
    }

    private void serve(int port) throws Exception {
        ServerSocketChannel server = ServerSocketChannel.open();
        server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        Thread acceptor = new Thread(() -> {
            try {
                while (true) {
                    SocketChannel channel = server.accept();
                    channel.configureBlocking(false);
                    channel.socket().setTcpNoDelay(true);
                    accepted.add(channel);
                    selector.wakeup();
                }
            } catch (IOException closed) {
                say("acceptor ended: " + closed.getMessage());
            }
        });
        acceptor.setDaemon(true);
        acceptor.start();
        say("ready " + ((InetSocketAddress) server.getLocalAddress()).getPort());
        while (true) {
            for (SocketChannel channel = accepted.poll(); channel != null; channel = accepted.poll())
                selector.register("c" + connections++, channel);
            selector.poll(20);
            for (NetworkReceive receive : selector.completedReceives()) forward(receive);
            for (NetworkSend send : selector.completedSends()) sending.remove(send.destinationId());
            for (String client : selector.disconnected().keySet()) drop(client);
            for (Answer answer = answers.poll(); answer != null; answer = answers.poll()) take(answer);
            for (String client : waiting.keySet()) sendNext(client);
        }
    }

    private void forward(NetworkReceive receive) throws IOException {
        String client = receive.source();
        KafkaChannel channel = selector.channel(client);
        boolean handshake = receive.payload().duplicate().getShort() == ApiKeys.SASL_HANDSHAKE.id;
        if (channel != null && !handshake && channel.serverAuthenticationSessionExpired(Time.SYSTEM.nanoseconds())) {
            say(client + " session expired");
            selector.close(client);
            return;
        }
        if (channel != null && handshake && channel.maybeBeginServerReauthentication(receive, Time.SYSTEM::nanoseconds)) {
            say(client + " re-authentication");
            return;
        }
        Socket back = backs.get(client);
        if (back == null) back = connect(client);
        byte[] frame = new byte[receive.payload().remaining()];
        receive.payload().get(frame);
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(back.getOutputStream(), 1 << 16));
        out.writeInt(frame.length);
        out.write(frame);
        out.flush();
    }

    private Socket connect(String client) throws IOException {
        Socket back = new Socket(InetAddress.getLoopbackAddress(), backPort);
        back.setTcpNoDelay(true);
        backs.put(client, back);
        say(client + " authenticated as " + selector.channel(client).principal());
        Thread reader = new Thread(() -> {
            try {
                DataInputStream in = new DataInputStream(back.getInputStream());
                while (true) {
                    byte[] frame = new byte[in.readInt()];
                    in.readFully(frame);
                    answers.add(new Answer(client, ByteBuffer.wrap(frame)));
                    selector.wakeup();
                }
            } catch (IOException closed) {
                answers.add(new Answer(client, null));
                selector.wakeup();
            }
        });
        reader.setDaemon(true);
        reader.start();
        return back;
    }

    private void drop(String client) throws IOException {
        Socket back = backs.remove(client);
        if (back != null) back.close();
        sending.remove(client);
        waiting.remove(client);
        say(client + " disconnected " + selector.disconnected().get(client).state());
    }

    private void take(Answer answer) {
        if (answer.frame() != null) waiting.computeIfAbsent(answer.client(), key -> new ArrayDeque<>()).add(answer.frame());
        else if (selector.channel(answer.client()) != null) selector.close(answer.client());
    }

    private void sendNext(String client) {
        ArrayDeque<ByteBuffer> frames = waiting.get(client);
        if (frames.isEmpty() || sending.contains(client) || selector.channel(client) == null) return;
        sending.add(client);
        selector.send(new NetworkSend(client, ByteBufferSend.sizePrefixed(frames.poll())));
    }

    private static void say(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
