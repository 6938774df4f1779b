package iotbroker;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Reads a record's value as the text that it is, and refuses what PostgreSQL's jsonb would not take.
 *
 * <p>A sink whose database refuses a row stops; a record that its converter refuses is a dead letter, and the sink goes on.
 * No message says what the record holds: it would stand in logs and in the connector's status.
 */
public final class JsonText implements Converter {
    // PostgreSQL's numeric: digits before and after the point.
    private static final int WHOLE_DIGITS = 131072;
    private static final int FRACTION_DIGITS = 16383;

    private final JsonFactory json = new JsonFactory();

    @Override
    public void configure(Map<String, ?> settings, boolean isKey) {
        // It has no settings.
    }

    @Override
    public SchemaAndValue toConnectData(String topic, byte[] value) {
        if (value == null) {
            return new SchemaAndValue(Schema.OPTIONAL_STRING_SCHEMA, null);
        }
        String text = decoded(value);
        try (JsonParser parser = json.createParser(text)) {
            check(parser);
        } catch (IOException | NumberFormatException refusal) {
            throw new DataException("the value is not JSON");
        }
        return new SchemaAndValue(Schema.OPTIONAL_STRING_SCHEMA, text);
    }

    @Override
    public byte[] fromConnectData(String topic, Schema schema, Object value) {
        throw new DataException("JsonText only reads");
    }

    private static String decoded(byte[] value) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(value)).toString();
        } catch (CharacterCodingException refusal) {
            throw new DataException("the value is not UTF-8");
        }
    }

    /** Go through one JSON value and whatever follows it. */
    private static void check(JsonParser parser) throws IOException {
        int depth = 0;
        int values = 0;
        for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
            if (depth == 0 && ++values > 1) {
                throw new DataException("the value is more than one JSON value");
            }
            depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
            if (token == JsonToken.FIELD_NAME || token == JsonToken.VALUE_STRING) {
                checkText(parser.getText());
            } else if (token.isNumeric()) {
                checkNumber(new BigDecimal(parser.getText()));
            }
        }
        if (values == 0) {
            throw new DataException("the value is empty");
        }
    }

    private static void checkText(String text) {
        for (int at = 0; at < text.length(); at++) {
            char character = text.charAt(at);
            if (character == 0) {
                throw new DataException("the value's text has a NUL, which jsonb does not take");
            }
            if (Character.isHighSurrogate(character)
                    && at + 1 < text.length()
                    && Character.isLowSurrogate(text.charAt(at + 1))) {
                at++;
            } else if (Character.isSurrogate(character)) {
                throw new DataException("the value's text has half a character, which jsonb does not take");
            }
        }
    }

    private static void checkNumber(BigDecimal number) {
        long whole = (long) number.precision() - number.scale();
        if (whole > WHOLE_DIGITS || number.scale() > FRACTION_DIGITS) {
            throw new DataException("the value has a number that jsonb does not take");
        }
    }
}
