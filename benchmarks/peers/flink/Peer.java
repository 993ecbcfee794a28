import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** The peers' job in Apache Flink: limits and a z-score for each sensor, keyed state on the heap, checkpoints each 10 s. */
public final class Peer {
    static final AtomicLong FIRST_NS = new AtomicLong();
    static final AtomicLong EVENTS = new AtomicLong();
    static final AtomicLong ALERTS = new AtomicLong();
    static final AtomicLong LIMITS = new AtomicLong();

    /** One message of the topic. */
    public static final class Reading {
        public String asset;
        public String sensor;
        public long ts;
        public double value;
    }

    /** What is remembered of a sensor. */
    public static final class Sensor {
        public long n;
        public double mean;
        public double m2;
        public boolean over;
        public boolean odd;
    }

    /** Reads JSON with Jackson's streaming parser, its fastest. */
    public static final class Json implements DeserializationSchema<Reading> {
        private static final JsonFactory FACTORY = new JsonFactory();

        @Override
        public Reading deserialize(byte[] message) throws java.io.IOException {
            FIRST_NS.compareAndSet(0, System.nanoTime());
            Reading reading = new Reading();
            try (JsonParser parser = FACTORY.createParser(message)) {
                parser.nextToken();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    switch (name) {
                        case "asset": reading.asset = parser.getText(); break;
                        case "sensor": reading.sensor = parser.getText(); break;
                        case "ts": reading.ts = parser.getLongValue(); break;
                        case "value": reading.value = parser.getDoubleValue(); break;
                        default: parser.skipChildren();
                    }
                }
            }
            return reading;
        }

        @Override
        public boolean isEndOfStream(Reading reading) {
            return false;
        }

        @Override
        public TypeInformation<Reading> getProducedType() {
            return TypeInformation.of(Reading.class);
        }
    }

    /** Alerts when a limit begins to be exceeded, and when a value begins to be odd. */
    public static final class Judge extends KeyedProcessFunction<String, Reading, String> {
        private final double high;
        private final double low;
        private final double z;
        private final long warmUp;
        private transient ValueState<Sensor> states;

        Judge(double high, double low, double z, long warmUp) {
            this.high = high;
            this.low = low;
            this.z = z;
            this.warmUp = warmUp;
        }

        @Override
        public void open(org.apache.flink.api.common.functions.OpenContext context) {
            states = getRuntimeContext().getState(new ValueStateDescriptor<>("sensor", Sensor.class));
        }

        @Override
        public void processElement(Reading reading, Context context, Collector<String> out) throws Exception {
            Sensor sensor = states.value();
            if (sensor == null) {
                sensor = new Sensor();
            }
            double x = reading.value;
            boolean over = x > high || x < low;
            if (over && !sensor.over) {
                LIMITS.incrementAndGet();
                tell(reading, "limit", out);
            }
            sensor.over = over;
            if (sensor.n >= warmUp) {
                boolean odd = Math.abs(x - sensor.mean) > z * Math.sqrt(sensor.m2 / sensor.n);
                if (odd && !sensor.odd) {
                    tell(reading, "z", out);
                }
                sensor.odd = odd;
            }
            sensor.n += 1;
            double d = x - sensor.mean;
            sensor.mean += d / sensor.n;
            sensor.m2 += d * (x - sensor.mean);
            states.update(sensor);
            EVENTS.incrementAndGet();
        }

        private static void tell(Reading reading, String rule, Collector<String> out) {
            ALERTS.incrementAndGet();
            out.collect("{\"asset\":\"" + reading.asset + "\",\"sensor\":\"" + reading.sensor + "\",\"ts\":" + reading.ts
                + ",\"rule\":\"" + rule + "\",\"value\":" + reading.value + "}");
        }
    }

    public static void main(String[] arguments) throws Exception {
        String bootstrap = arguments[0];
        String topic = arguments[1];
        String alerts = arguments[2];
        double high = Double.parseDouble(arguments[3]);
        double low = Double.parseDouble(arguments[4]);
        double z = Double.parseDouble(arguments[5]);
        long warmUp = Long.parseLong(arguments[6]);
        String checkpoints = arguments[7];

        Configuration configuration = new Configuration();
        configuration.setString("execution.checkpointing.dir", checkpoints);
        configuration.setString("state.backend.type", "hashmap");
        configuration.setString("pipeline.object-reuse", "true");
        int parallelism = Runtime.getRuntime().availableProcessors();
        StreamExecutionEnvironment environment =
            StreamExecutionEnvironment.createLocalEnvironment(parallelism, configuration);
        environment.enableCheckpointing(10_000);

        KafkaSource<Reading> source = KafkaSource.<Reading>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(topic)
            .setGroupId(topic + "-flink")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Json())
            .build();
        KafkaSink<String> sink = KafkaSink.<String>builder()
            .setBootstrapServers(bootstrap)
            .setDeliveryGuarantee(DeliveryGuarantee.AT_LEAST_ONCE)
            .setRecordSerializer(KafkaRecordSerializationSchema.<String>builder()
                .setTopic(alerts)
                .setValueSerializationSchema(new SimpleStringSchema())
                .build())
            .build();
        environment.fromSource(source, WatermarkStrategy.noWatermarks(), "readings")
            .keyBy(reading -> reading.asset + "/" + reading.sensor)
            .process(new Judge(high, low, z, warmUp))
            .sinkTo(sink);
        environment.execute("peer");
        double seconds = (System.nanoTime() - FIRST_NS.get()) / 1e9;
        String told = "{\"events\":%d,\"alerts\":%d,\"limits\":%d,\"seconds\":%.6f}%n";
        byte[] line = String.format(java.util.Locale.ROOT, told, EVENTS.get(), ALERTS.get(), LIMITS.get(), seconds)
            .getBytes(StandardCharsets.UTF_8);
        System.out.write(line);
        System.out.flush();
        System.exit(0);
    }
}
